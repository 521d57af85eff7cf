"""Deletes a set of rows by primary key, in one short transaction that waits for nobody."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from delivery.storage.mysql.database import LOCK_WAIT_TIMEOUT, error_number, in_transaction, to_stored


def delete_free(
    engine: Engine,
    ids: Collection[int],
    *,
    free: str,
    deletes: Sequence[str],
    ended_before: datetime,
    known: Mapping[str, object],
) -> int:
    """Deletes the rows that `free` finds and locks, and returns how many there were.

    `free` checks again that a row may go, because it may have changed since it was found, and skips locked rows. It
    locks only rows that are about to be deleted, so no claim or ingest waits for them. If a line of their history is
    locked, nothing is deleted this time.
    """
    values = {**known, "ids": list(ids), "before": to_stored(ended_before)}

    def work(connection: Connection) -> int:
        locked = list(connection.exec_driver_sql(free, values).scalars())
        for delete in deletes if locked else ():
            connection.exec_driver_sql(delete, {"ids": locked})
        return len(locked)

    try:
        return in_transaction(engine, work, again_after_loss=True, again_after_wait=False)
    except DBAPIError as error:
        if error_number(error) != LOCK_WAIT_TIMEOUT:
            raise
        return 0
