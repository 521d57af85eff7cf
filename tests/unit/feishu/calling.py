"""Ways of reaching Feishu aimed at a server of this machine, with an example of a channel for each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta

from delivery.deadline import Permit
from delivery.domain.channel import Channel
from delivery.domain.outcome import Delivered, Outcome
from delivery.feishu.flow_webhook import FLOW_WEBHOOK, WEBHOOK_PATH
from delivery.feishu.transport import Transport
from delivery.feishu.way import Feishu, Way
from delivery.feishu.ways import open_ways
from tests.unit.samples import NOW, TOKEN, WEBHOOK_KEY, WORDING, attempt, channel


@dataclass(frozen=True, kw_only=True)
class Example:
    """What a test needs to know of a way."""

    channel_at: Callable[[str], Channel]
    #: They are in every call, and must be in nothing that is stored or logged.
    credentials: tuple[str, ...]


def flow_channel(origin: str, **changes: object) -> Channel:
    return channel(**({"webhook_url": f"{origin}{WEBHOOK_PATH}{WEBHOOK_KEY}"} | changes))


EXAMPLES: Mapping[str, Example] = {FLOW_WEBHOOK: Example(channel_at=flow_channel, credentials=(TOKEN, WEBHOOK_KEY))}


def permit(seconds: float = 60) -> Permit:
    """The right to write one request, for so long."""
    return Permit(time.time() + seconds)


@contextmanager
def opened(name: str, origin: str, *, timeout: float = 5.0, stage: str = "dev") -> Iterator[Way]:
    """This way, allowed to call this origin only."""
    with closing(Transport.open(concurrency=4, timeout=timedelta(seconds=timeout))) as transport:
        feishu = Feishu(
            transport=transport,
            stage=stage,
            wording=WORDING,
            webhook_origins=(origin,),
            now=lambda: NOW,
        )
        yield open_ways(feishu)[name]


def deliver(name: str, origin: str, *, timeout: float = 5.0) -> Outcome:
    with opened(name, origin, timeout=timeout) as way:
        return way.deliver(attempt(), EXAMPLES[name].channel_at(origin), permit())


def code_of(outcome: Outcome) -> str | None:
    return None if isinstance(outcome, Delivered) else outcome.code.value
