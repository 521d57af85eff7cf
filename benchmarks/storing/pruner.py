"""Runs prune with its default settings in a process of its own, until it is ended."""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from delivery.aws.settings.prune import PruneTuning
from delivery.prune import PrunePolicy, Pruner, Retention
from delivery.storage.mysql.database import Address, open_engine
from delivery.storage.pruning.records import FinalRecords
from local.machine.processes import running, wait_until_ready

_ADDRESS = "PRUNED_DATABASE"


@contextmanager
def running_pruner(address: Address, *, log: Path) -> Iterator[None]:
    """Runs prune for the length of the block, which begins when prune is working."""
    log.unlink(missing_ok=True)
    environment = {**os.environ, _ADDRESS: json.dumps(asdict(address))}
    command = [sys.executable, "-m", "benchmarks.storing.pruner"]
    with running(command, name="prune", log=log, env=environment) as process:
        wait_until_ready(process, partial(_has_begun, log))
        yield


def _has_begun(log: Path) -> bool:
    return log.exists() and "pruned a set" in log.read_text()


def _prune(address: Address) -> None:
    tuning = PruneTuning.model_validate({})
    Pruner(
        retentions=[Retention(rows=FinalRecords(engine=open_engine(lambda: address)), days=tuning.record_days)],
        policy=PrunePolicy(set_size=tuning.set_size, pause=timedelta(seconds=tuning.pause_seconds)),
        now=lambda: datetime.now(UTC),
        wait=_say_and_wait,
    ).run(until=datetime.now(UTC) + timedelta(hours=1))


def _say_and_wait(pause: timedelta) -> None:
    print("pruned a set", flush=True)
    time.sleep(pause.total_seconds())


if __name__ == "__main__":
    _prune(Address(**json.loads(os.environ[_ADDRESS])))
