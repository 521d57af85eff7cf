"""What operators work with, as a test puts it together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Engine

from delivery.operate import Redriver, RedriveStore, RejectStore, Replayer
from delivery.storage.operating.audited import Audit
from delivery.storage.operating.redriving import Redrives
from delivery.storage.operating.rejected import Rejects
from tests.integration.clock import Clock
from tests.integration.sending import PointerList, ingester


def redriver(engine: Engine, clock: Clock, *, store: RedriveStore | None = None) -> Redriver:
    return Redriver(store=store or Redrives(engine=engine), attempts=5, now=clock)


def replayer(
    engine: Engine, clock: Clock, queue: PointerList, *, prefix: str = "/assistant/", store: RejectStore | None = None
) -> Replayer:
    """Its ingest takes target URLs below this prefix."""
    ingest = replace(ingester(engine, clock, queue), url_prefixes=(prefix,))
    return Replayer(store=store or Rejects(engine=engine), ingester=ingest, now=clock)


def audited(engine: Engine) -> list[tuple[Any, ...]]:
    """Who did what to how many, the latest first."""
    return [(line["actor"], line["action"], line["count"]) for line in Audit(engine=engine).page().rows]
