"""Reads the channels of a whole set of users at once, and seals their credentials before they reach MySQL."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Row

from delivery.domain.channel import Channel, Held, StoredChannel, UnreadableChannel
from delivery.storage.credentials import CredentialError, KeyOutOfReach, KeyRing, open_sealed, seal
from delivery.storage.mysql.columns import INSERT, Rights, copied, listed, select, update
from delivery.storage.mysql.database import in_transaction, to_stored

KEY = ("user_id", "channel")
#: The columns that a user sets. A new field of a channel is added here, in `save` and in `readable`.
SETTINGS = ("enabled", "webhook_url", "auth_type", "bearer_token")

_OF_RECORDS = f"""
SELECT r.id AS record_id, {listed([*KEY, *SETTINGS], of="c")} FROM notification_records AS r
JOIN user_notification_channels AS c ON c.user_id = r.user_id AND c.channel IN %(ways)s
WHERE r.id IN %(record_ids)s"""  # noqa: S608 - constant

_SAVED = (*KEY, *SETTINGS, "created_at", "updated_at")
# Saving again keeps last_test_*, which only a test writes.
_SAVE = f"""
INSERT INTO user_notification_channels ({listed(_SAVED)}) VALUES ({", ".join(f"%({name})s" for name in _SAVED)}) AS new
ON DUPLICATE KEY UPDATE {copied([*SETTINGS, "updated_at"], source="new")}"""  # noqa: S608 - constant

#: The rights of a function that saves channels.
RIGHTS_TO_SAVE: Rights = {
    "user_notification_channels": [INSERT, *select(*KEY, *SETTINGS, "updated_at"), *update(*SETTINGS, "updated_at")]
}
#: The rights of a function that sends over them.
RIGHTS_TO_READ: Rights = {
    "user_notification_channels": [*select(*KEY, *SETTINGS)],
    "notification_records": [*select("id", "user_id")],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Channels:
    """The users' channels."""

    engine: Engine
    keys: KeyRing

    def of_records(self, record_ids: Collection[int], ways: Collection[str]) -> Mapping[int, Collection[StoredChannel]]:
        """Record id → its user's channels for these ways. Records whose user has none are left out."""
        if not record_ids:
            return {}
        wanted = {"record_ids": list(record_ids), "ways": list(ways)}
        found: defaultdict[int, list[StoredChannel]] = defaultdict(list)
        rows = in_transaction(self.engine, lambda connection: connection.exec_driver_sql(_OF_RECORDS, wanted).all())
        for row in rows:
            found[row.record_id].append(self.readable(row))
        return found

    def save(self, channel: Channel, *, now: datetime) -> None:
        """Writes the settings, credentials sealed for this user and channel."""
        values: dict[str, Any] = {
            "user_id": channel.user_id,
            "channel": channel.channel,
            "enabled": channel.enabled,
            "webhook_url": self._sealed(channel, channel.webhook_url),
            "auth_type": "bearer" if channel.bearer_token else "none",
            "bearer_token": self._sealed(channel, channel.bearer_token),
            "created_at": to_stored(now),
            "updated_at": to_stored(now),
        }
        in_transaction(self.engine, lambda connection: connection.exec_driver_sql(_SAVE, values))

    def _sealed(self, channel: Channel, credential: str) -> str:
        if not credential:
            return ""
        key_id, key = self.keys.current()
        return seal(credential, key_id=key_id, key=key, user_id=channel.user_id, channel=channel.channel)

    def readable(self, row: Row[Any]) -> StoredChannel:
        """The channel in a row that has `KEY` and `SETTINGS`."""
        try:
            return Channel(
                user_id=row.user_id,
                channel=row.channel,
                enabled=bool(row.enabled),
                webhook_url=self._opened(row, row.webhook_url),
                bearer_token=self._opened(row, row.bearer_token) if row.auth_type == "bearer" else "",
            )
        except CredentialError as error:
            return UnreadableChannel(user_id=row.user_id, channel=row.channel, reason=str(error))
        except KeyOutOfReach as error:
            return Held(user_id=row.user_id, channel=row.channel, reason=str(error))

    def _opened(self, row: Row[Any], stored: str) -> str:
        return open_sealed(stored, keys=self.keys, user_id=row.user_id, channel=row.channel).strip()
