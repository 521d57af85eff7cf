"""`show`: prints a record and its attempts as they are stored."""

from collections.abc import Callable, Mapping
from typing import Any

from delivery.storage.lookups import Lookups
from local.commands.database import opened_database
from local.machine.processes import CannotStartError


def show(endpoints: Mapping[str, Any], record_id: int, *, say: Callable[[str], None]) -> None:
    with opened_database(endpoints) as engine:
        lookups = Lookups(engine=engine)
        record, attempts = lookups.by_id(record_id), lookups.history(record_id)
    if record is None:
        raise CannotStartError(f"there is no record {record_id}")
    _say_row(record, say)
    for attempt in attempts:
        say("")
        _say_row({name: value for name, value in attempt.items() if name not in ("id", "record_id")}, say)


def _say_row(row: Mapping[str, Any], say: Callable[[str], None]) -> None:
    width = max(map(len, row))
    for name, value in row.items():
        if value is not None:
            say(f"{name:{width}}  {value}")
