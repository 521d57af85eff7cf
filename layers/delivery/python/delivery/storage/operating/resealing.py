"""Seals stored credentials anew under another key, in sets, unless their user saves others at the same time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row

from delivery.domain.operating import Action, Resealed
from delivery.storage.credentials import CredentialError, KeyRing, is_sealed_under, open_sealed, seal
from delivery.storage.mysql.columns import Rights, listed, select, update
from delivery.storage.mysql.database import in_transaction
from delivery.storage.operating.audit import write_line

_CREDENTIALS = ("webhook_url", "bearer_token")
_ROW = ("id", "user_id", "channel", *_CREDENTIALS)
_SET = f"""
SELECT {listed(_ROW)} FROM user_notification_channels
WHERE id > %(after)s ORDER BY id LIMIT %(limit)s"""  # noqa: S608 - constant
_LEFT = "SELECT COUNT(*) FROM user_notification_channels WHERE id > %(after)s"
# Compared byte for byte, because the columns' collation ignores case. updated_at is kept: it says when the user saved.
_RESEAL = """
UPDATE user_notification_channels SET webhook_url = %(webhook_url)s, bearer_token = %(bearer_token)s
WHERE id = %(id)s AND CAST(webhook_url AS BINARY) = CAST(%(old_webhook_url)s AS BINARY)
    AND CAST(bearer_token AS BINARY) = CAST(%(old_bearer_token)s AS BINARY)"""

RIGHTS: Rights = {"user_notification_channels": [*select(*_ROW), *update(*_CREDENTIALS)]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reseals:
    engine: Engine
    keys: KeyRing

    def reseal_set(self, action: Action, *, after: int, size: int, now: datetime) -> Resealed:
        """Reseals the next `size` channels by id, in one transaction with the audit line.

        Raises:
            KeyOutOfReach: KMS cannot unwrap a key now.
        """
        key_id, key = self.keys.current()
        with self.engine.connect() as connection:
            rows = connection.exec_driver_sql(_SET, {"after": after, "limit": size}).all()
        older = [row for row in rows if not _is_under(row, key_id)]
        sealed = [values for row in older if (values := self._sealed(row, key_id, key))]

        def work(connection: Connection) -> int:
            changed = sum(connection.exec_driver_sql(_RESEAL, values).rowcount for values in sealed)
            if changed or not after:
                write_line(connection, action, count=changed, now=now)
            return changed

        return Resealed(
            changed=in_transaction(self.engine, work),
            unreadable=len(older) - len(sealed),
            next=rows[-1].id if len(rows) == size else None,
        )

    def left(self, after: int) -> int:
        """How many channels come after this id."""
        with self.engine.connect() as connection:
            return int(connection.exec_driver_sql(_LEFT, {"after": after}).scalar_one())

    def _sealed(self, row: Row[Any], key_id: int, key: bytes) -> dict[str, object] | None:
        """None if a credential does not open. It is left as it is, because only its user can save it again."""
        whose = {"user_id": row.user_id, "channel": row.channel}
        values: dict[str, object] = {"id": row.id}
        for name in _CREDENTIALS:
            stored = getattr(row, name)
            try:
                credential = open_sealed(stored, keys=self.keys, **whose)
            except CredentialError:
                return None
            values[f"old_{name}"] = stored
            values[name] = seal(credential, key_id=key_id, key=key, **whose) if credential else ""
        return values


def _is_under(row: Row[Any], key_id: int) -> bool:
    stored: Sequence[str] = [getattr(row, name) for name in _CREDENTIALS]
    return all(is_sealed_under(key_id, one) for one in stored if one)
