"""The tables, new or taken over from the Go service.

MySQL commits each DDL statement by itself, so every step looks first and may be run again after dying anywhere.
"""

from alembic import op
from sqlalchemy import inspect, text

revision = "0001"
down_revision = None

_KEY = "COLLATE utf8mb4_0900_bin"
_ID = "bigint NOT NULL AUTO_INCREMENT"
_COUNT = "int NOT NULL DEFAULT '0'"

COLUMNS: dict[str, dict[str, str]] = {
    "notification_records": {
        "id": _ID,
        "channel": f"varchar(32) {_KEY} NOT NULL",
        "user_id": "bigint NOT NULL",
        "trigger_id": "varchar(64) NOT NULL",
        "preview_id": "varchar(64) NOT NULL",
        "trigger_type": "varchar(64) NOT NULL",
        "target_type": "varchar(64) NOT NULL",
        "target_id": "bigint NOT NULL",
        "dedupe_key": f"varchar(191) {_KEY} NOT NULL",
        "target_url": "varchar(255) NOT NULL",
        "summary_text": "text",
        "fallback_text": "text",
        "fallback_used": "tinyint(1) NOT NULL DEFAULT '0'",
        "status": "varchar(32) NOT NULL DEFAULT 'pending'",
        "attempt_count": _COUNT,
        "max_attempts": "int NOT NULL DEFAULT '5'",
        "next_retry_at": "datetime(3) NULL",
        "last_error_code": "varchar(64) NULL",
        "last_error": "text",
        "provider_message_id": "varchar(128) NULL",
        "provider_request_json": "json NULL",
        "provider_response_json": "json NULL",
        "sent_at": "datetime(3) NULL",
        "trace_id": "varchar(128) NULL",
        "created_at": "datetime(3) NOT NULL",
        "updated_at": "datetime(3) NOT NULL",
    },
    "notification_attempts": {
        "record_id": "bigint NOT NULL",
        "attempt": "int NOT NULL",
        "started_at": "datetime(3) NOT NULL",
        "finished_at": "datetime(3) NULL",
        "outcome": "varchar(16) NOT NULL",
        "error_code": "varchar(64) NULL",
        "error": "text",
        "http_status": "int NULL",
        "response": "text",
        "latency_ms": "int NULL",
    },
    "notification_rejects": {
        "id": _ID,
        "topic": f"varchar(249) {_KEY} NOT NULL",
        "partition": "int NOT NULL",
        "offset": "bigint NOT NULL",
        "key": "mediumblob",
        "value": "mediumblob",
        "headers": "json NOT NULL",
        "code": "varchar(64) NOT NULL",
        "reason": "text NOT NULL",
        "created_at": "datetime(3) NOT NULL",
        "replayed_at": "datetime(3) NULL",
    },
    "user_notification_channels": {
        "id": _ID,
        "user_id": "bigint NOT NULL",
        "channel": f"varchar(32) {_KEY} NOT NULL",
        "enabled": "tinyint(1) NOT NULL DEFAULT '1'",
        "webhook_url": "text NOT NULL",
        "auth_type": "varchar(32) NOT NULL DEFAULT 'none'",
        "bearer_token": "text NOT NULL",
        "last_test_status": "varchar(32) NULL",
        "last_test_error": "text",
        "last_test_at": "datetime(3) NULL",
        "created_at": "datetime(3) NOT NULL",
        "updated_at": "datetime(3) NOT NULL",
    },
    "notification_data_keys": {"id": _ID, "wrapped_key": "blob NOT NULL", "created_at": "datetime(3) NOT NULL"},
    "notification_outbox_messages": {
        "id": _ID,
        "event_type": "varchar(64) NOT NULL",
        "service_name": "varchar(64) NOT NULL",
        "topic": f"varchar(249) {_KEY} NOT NULL",
        "message_key": "varchar(191) NOT NULL",
        "payload": "json NOT NULL",
        "status": "varchar(32) NOT NULL DEFAULT 'pending'",
        "retry_count": _COUNT,
        "max_retry": "int NOT NULL DEFAULT '20'",
        "next_retry_at": "datetime(3) NULL",
        "last_error": "text",
        "published_at": "datetime(3) NULL",
        "consumed_at": "datetime(3) NULL",
        "created_at": "datetime(3) NOT NULL",
        "updated_at": "datetime(3) NOT NULL",
    },
}

_CHARSET = "DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci"

PRIMARY_KEYS = {"notification_attempts": "(record_id, attempt)"}

INDEXES: dict[str, dict[str, str]] = {
    "notification_records": {
        "uk_notification_records_key": "UNIQUE KEY uk_notification_records_key (channel, dedupe_key)",
        "ix_notification_records_due": "KEY ix_notification_records_due (next_retry_at, id)",
        "ix_notification_records_user": "KEY ix_notification_records_user (user_id, created_at)",
        "ix_notification_records_preview": "KEY ix_notification_records_preview (preview_id)",
        "ix_notification_records_trigger": "KEY ix_notification_records_trigger (trigger_id)",
    },
    "notification_rejects": {
        "uk_notification_rejects_position": (
            "UNIQUE KEY uk_notification_rejects_position (topic, `partition`, `offset`)"
        ),
    },
    "user_notification_channels": {
        "uk_user_notification_channels_user": "UNIQUE KEY uk_user_notification_channels_user (user_id, channel)",
    },
    "notification_outbox_messages": {
        "ix_notification_outbox_due": "KEY ix_notification_outbox_due (status, next_retry_at, id)",
    },
}

# In the Go service only updated_at tells a record's age; a `sending` row may still carry its last retry time.
# Ten and five minutes are its lease and our hand-off deadline, so nothing comes due that may still be in flight.
_IN_FLIGHT_UNTIL = "updated_at + INTERVAL IF(status = 'sending', 10, 5) MINUTE"
_DUE_TIMES = f"""
UPDATE notification_records SET next_retry_at = {_IN_FLIGHT_UNTIL}
WHERE status IN ('pending', 'sending', 'failed') AND next_retry_at IS NULL
    OR status IN ('pending', 'sending') AND next_retry_at < {_IN_FLIGHT_UNTIL}"""  # noqa: S608 - constant

_FINAL_ROWS = """
UPDATE notification_records SET next_retry_at = NULL
WHERE status NOT IN ('pending', 'sending', 'failed') AND next_retry_at IS NOT NULL"""

# Ended rows never come due, and prune finds them by their NULL.
_ENDED_OUTBOX = """
UPDATE notification_outbox_messages SET next_retry_at = NULL
WHERE status IN ('consumed', 'dead') AND next_retry_at IS NOT NULL"""

# A json column takes only JSON, so other text from the old column is kept as a JSON string.
_JSON = """
UPDATE notification_records SET {column} = IF({column} = '', NULL, JSON_QUOTE({column}))
WHERE NOT JSON_VALID({column})"""

_TIMES = """
UPDATE {table} SET updated_at = COALESCE(updated_at, created_at, UTC_TIMESTAMP(3)),
    created_at = COALESCE(created_at, updated_at, UTC_TIMESTAMP(3))
WHERE updated_at IS NULL OR created_at IS NULL"""

REPAIRS: dict[str, tuple[str, ...]] = {
    "notification_records": (
        _TIMES.format(table="notification_records"),
        "UPDATE notification_records SET max_attempts = 5 WHERE max_attempts <= 0",
        _FINAL_ROWS,
        _DUE_TIMES,
        _JSON.format(column="provider_request_json"),
        _JSON.format(column="provider_response_json"),
    ),
    "user_notification_channels": (_TIMES.format(table="user_notification_channels"),),
    "notification_outbox_messages": (_TIMES.format(table="notification_outbox_messages"), _ENDED_OUTBOX),
}


def upgrade() -> None:
    existing = set(inspect(op.get_bind()).get_table_names())
    for table in COLUMNS:
        (_take_over if table in existing else _create)(table)


def _create(table: str) -> None:
    columns = [f"`{name}` {definition}" for name, definition in COLUMNS[table].items()]
    keys = [f"PRIMARY KEY {PRIMARY_KEYS.get(table, '(id)')}", *INDEXES.get(table, {}).values()]
    body = ", ".join([*columns, *keys])
    _run(f"CREATE TABLE {table} ({body}) ENGINE=InnoDB {_CHARSET}")


def _take_over(table: str) -> None:
    """Turns a table of the Go service into ours. Drops only indexes, and stops if a value would not fit."""
    for repair in REPAIRS.get(table, ()):
        _run(repair)
    inspector = inspect(op.get_bind())
    columns = {column["name"] for column in inspector.get_columns(table)}
    indexes = {index["name"] for index in inspector.get_indexes(table)}
    wanted = INDEXES.get(table, {})
    changes = [
        f"{'MODIFY' if name in columns else 'ADD'} COLUMN `{name}` {definition}"
        for name, definition in COLUMNS[table].items()
    ]
    changes += [f"DROP KEY `{name}`" for name in sorted(filter(None, indexes - set(wanted)))]
    changes += [f"ADD {definition}" for name, definition in wanted.items() if name not in indexes]
    _run(f"ALTER TABLE {table} {', '.join([*changes, _CHARSET])}")


def _run(statement: str) -> None:
    op.get_bind().execute(text(statement))
