"""Channels: credentials are sealed before they reach MySQL, and read for a whole set of users at once."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, text

from delivery.domain.channel import Channel, UnreadableChannel
from delivery.storage.credentials import CredentialError, KeyRing, open_sealed, seal
from delivery.storage.database import in_transaction, to_stored

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from sqlalchemy import Engine, Row

_OF_USERS = text("""
SELECT user_id, channel, enabled, webhook_url, auth_type, bearer_token FROM user_notification_channels
WHERE user_id IN :user_ids AND channel IN :ways""").bindparams(
    bindparam("user_ids", expanding=True), bindparam("ways", expanding=True)
)

# Saving again keeps last_test_*: they tell of the test, not of the settings.
_SAVE = text("""
INSERT INTO user_notification_channels
    (user_id, channel, enabled, webhook_url, auth_type, bearer_token, created_at, updated_at)
VALUES (:user_id, :channel, :enabled, :webhook_url, :auth_type, :bearer_token, :now, :now) AS new
ON DUPLICATE KEY UPDATE enabled = new.enabled, webhook_url = new.webhook_url, auth_type = new.auth_type,
    bearer_token = new.bearer_token, updated_at = new.updated_at""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Channels:
    """How users are reached."""

    engine: Engine
    keys: KeyRing

    def of_users(
        self, user_ids: Collection[int], ways: Collection[str]
    ) -> Mapping[int, Collection[Channel | UnreadableChannel]]:
        """The channels that these users have for these ways; a user without one is not in the answer."""
        if not user_ids:
            return {}
        wanted = {"user_ids": sorted(set(user_ids)), "ways": sorted(ways)}
        found: defaultdict[int, list[Channel | UnreadableChannel]] = defaultdict(list)
        with self.engine.connect() as connection:
            rows = connection.execute(_OF_USERS, wanted).all()
        for row in rows:
            found[row.user_id].append(self._readable(row))
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
            "now": to_stored(now),
        }
        in_transaction(self.engine, lambda connection: connection.execute(_SAVE, values))

    def _sealed(self, channel: Channel, credential: str) -> str:
        if not credential:
            return ""
        key_id, key = self.keys.current()
        return seal(credential, key_id=key_id, key=key, user_id=channel.user_id, channel=channel.channel)

    def _readable(self, row: Row[tuple[Any, ...]]) -> Channel | UnreadableChannel:
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

    def _opened(self, row: Row[tuple[Any, ...]], stored: str) -> str:
        return open_sealed(stored, keys=self.keys, user_id=row.user_id, channel=row.channel).strip()
