"""A user's own look at a channel: as it was saved, with what came of its last test."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Row

from delivery.domain.saved_channel import LastTest, SavedChannel
from delivery.storage.channels import KEY, SETTINGS, Channels
from delivery.storage.mysql.columns import Privilege, Rights, assigned, listed, select, update
from delivery.storage.mysql.database import from_stored, in_transaction, to_stored

_ERROR_CHARACTERS = 2_000
_TEST = ("last_test_status", "last_test_error", "last_test_at")
_OF_USER = f"""
SELECT {listed([*KEY, *SETTINGS, *_TEST])} FROM user_notification_channels
WHERE user_id = %(user_id)s AND channel = %(channel)s"""  # noqa: S608 - constant
_ALL_OF_USER = f"""
SELECT {listed([*KEY, *SETTINGS, *_TEST])} FROM user_notification_channels
WHERE user_id = %(user_id)s ORDER BY channel"""  # noqa: S608 - constant
_DELETE = "DELETE FROM user_notification_channels WHERE user_id = %(user_id)s AND channel = %(channel)s"
_TESTED = {name: f"%({name})s" for name in _TEST}
# updated_at stays: it says when the settings were saved.
_WRITE_TEST = f"""
UPDATE user_notification_channels SET {assigned(_TESTED)}
WHERE user_id = %(user_id)s AND channel = %(channel)s"""  # noqa: S608 - constant

RIGHTS: Rights = {
    "user_notification_channels": [*select(*KEY, *SETTINGS, *_TEST), *update(*_TEST), Privilege("DELETE")]
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedChannels:
    engine: Engine
    #: Decrypts the credentials in a row.
    channels: Channels

    def find(self, user_id: int, way: str) -> SavedChannel | None:
        with self.engine.connect() as connection:
            row = connection.exec_driver_sql(_OF_USER, {"user_id": user_id, "channel": way}).one_or_none()
        return self._saved(row) if row else None

    def of_user(self, user_id: int) -> Mapping[str, SavedChannel]:
        """Way → channel."""
        with self.engine.connect() as connection:
            rows = connection.exec_driver_sql(_ALL_OF_USER, {"user_id": user_id}).all()
        return {row.channel: self._saved(row) for row in rows}

    def delete(self, user_id: int, way: str) -> bool:
        """Deletes the channel, and returns whether there was one."""
        return self._changed(_DELETE, {"user_id": user_id, "channel": way})

    def write_test(self, user_id: int, way: str, test: LastTest) -> bool:
        """Stores the result with the channel, and returns whether there is one."""
        values = {
            "user_id": user_id,
            "channel": way,
            "last_test_status": test.status,
            "last_test_error": test.error[:_ERROR_CHARACTERS],
            "last_test_at": to_stored(test.at),
        }
        return self._changed(_WRITE_TEST, values)

    def _changed(self, statement: str, values: Mapping[str, object]) -> bool:
        return in_transaction(
            self.engine, lambda connection: bool(connection.exec_driver_sql(statement, values).rowcount)
        )

    def _saved(self, row: Row[Any]) -> SavedChannel:
        return SavedChannel(
            settings=self.channels.readable(row),
            enabled=bool(row.enabled),
            has_bearer_token=row.auth_type == "bearer" and bool(row.bearer_token),
            last_test=_last_test(row.last_test_status, row.last_test_error, row.last_test_at),
        )


def _last_test(status: str | None, error: str | None, at: datetime | None) -> LastTest | None:
    return LastTest(status=status, error=error or "", at=from_stored(at)) if status and at else None
