"""Builds the prune stage, once per function instance, on its first call."""

import time
from datetime import timedelta
from functools import cache

from delivery.aws.settings.prune import PruneSettings
from delivery.aws.wiring.foundation import engine_of, utc_now
from delivery.deadline import wait_of
from delivery.prune import PrunePolicy, Pruner, Retention
from delivery.storage.pruning.outbox import OutboxRows
from delivery.storage.pruning.records import FinalRecords
from delivery.storage.pruning.rejects import KeptRejects


@cache
def pruner() -> Pruner:
    settings = PruneSettings.read()
    engine = engine_of(settings)
    return Pruner(
        retentions=[
            Retention(rows=FinalRecords(engine=engine), days=settings.record_days),
            Retention(rows=KeptRejects(engine=engine), days=settings.reject_days),
            Retention(rows=OutboxRows.consumed(engine), days=settings.outbox_days),
            Retention(rows=OutboxRows.dead(engine), days=settings.reject_days),
        ],
        policy=PrunePolicy(set_size=settings.set_size, pause=timedelta(seconds=settings.pause_seconds)),
        now=utc_now,
        wait=lambda pause: time.sleep(wait_of(pause.total_seconds())),
    )
