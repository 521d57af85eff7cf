"""Declares the tables as the migrations leave them; a test proves that both agree."""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Computed,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.mysql import DATETIME, MEDIUMBLOB, TEXT, VARBINARY, VARCHAR

metadata = MetaData()

_INNODB: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_0900_ai_ci"}
_KEY_COLLATION = "utf8mb4_0900_bin"  # keys compare byte for byte: A and a are different


def _key(length: int) -> VARCHAR:
    return VARCHAR(length, collation=_KEY_COLLATION)


def _time(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, DATETIME(fsp=3), nullable=nullable)


records = Table(
    "notification_records",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("channel", _key(32), nullable=False),
    Column("user_id", BigInteger, nullable=False),
    Column("trigger_id", _key(64), nullable=False),
    Column("preview_id", _key(64), nullable=False),
    Column("trigger_type", String(64), nullable=False),
    Column("target_type", String(64), nullable=False),
    Column("target_id", BigInteger, nullable=False),
    Column("dedupe_key", _key(191), nullable=False),
    Column("target_url", String(255), nullable=False),
    Column("summary_text", TEXT),
    Column("fallback_text", TEXT),
    Column("fallback_used", Boolean, nullable=False, server_default=text("0")),
    Column("status", String(32), nullable=False, server_default=text("'pending'")),
    Column("attempt_count", Integer, nullable=False, server_default=text("0")),
    Column("max_attempts", Integer, nullable=False, server_default=text("5")),
    _time("next_retry_at", nullable=True),
    Column("last_error_code", String(64)),
    Column("last_error", TEXT),
    Column("provider_message_id", String(128)),
    Column("provider_request_json", JSON),
    Column("provider_response_json", JSON),
    _time("sent_at", nullable=True),
    Column("trace_id", String(128)),
    _time("created_at"),
    _time("updated_at"),
    _time("requested_at", nullable=True),
    UniqueConstraint("channel", "dedupe_key", name="uk_notification_records_key"),
    Index("ix_notification_records_due", "next_retry_at", "id"),
    Index("ix_notification_records_user", "user_id", "created_at"),
    Index("ix_notification_records_preview", "preview_id", "created_at"),
    Index("ix_notification_records_trigger", "trigger_id", "created_at"),
    Index("ix_notification_records_state", "status", "last_error_code", "created_at"),
    **_INNODB,
)

attempts = Table(
    "notification_attempts",
    metadata,
    Column("record_id", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    _time("started_at"),
    _time("finished_at", nullable=True),
    Column("outcome", String(16), nullable=False),
    Column("error_code", String(64)),
    Column("error", TEXT),
    Column("http_status", Integer),
    Column("response", TEXT),
    Column("latency_ms", Integer),
    Column("way", String(32)),
    PrimaryKeyConstraint("record_id", "attempt"),
    **_INNODB,
)

rejects = Table(
    "notification_rejects",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("topic", _key(249), nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("key", MEDIUMBLOB),
    Column("value", MEDIUMBLOB),
    Column("headers", JSON, nullable=False),
    Column("code", String(64), nullable=False),
    Column("reason", TEXT, nullable=False),
    _time("created_at"),
    _time("replayed_at", nullable=True),
    Column("timestamp", BigInteger),
    Column("fingerprint", VARBINARY(32), nullable=False, server_default=text("''")),
    UniqueConstraint("topic", "partition", "offset", "fingerprint", name="uk_notification_rejects_position"),
    Index("ix_notification_rejects_code", "code", "created_at"),
    **_INNODB,
)

channels = Table(
    "user_notification_channels",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("user_id", BigInteger, nullable=False),
    Column("channel", _key(32), nullable=False),
    Column("enabled", Boolean, nullable=False, server_default=text("1")),
    Column("webhook_url", TEXT, nullable=False),
    Column("auth_type", String(32), nullable=False, server_default=text("'none'")),
    Column("bearer_token", TEXT, nullable=False),
    Column("last_test_status", String(32)),
    Column("last_test_error", TEXT),
    _time("last_test_at", nullable=True),
    _time("created_at"),
    _time("updated_at"),
    UniqueConstraint("user_id", "channel", name="uk_user_notification_channels_user"),
    **_INNODB,
)

data_keys = Table(
    "notification_data_keys",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("wrapped_key", LargeBinary, nullable=False),
    _time("created_at"),
    **_INNODB,
)

outbox = Table(
    "notification_outbox_messages",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    Column("event_type", String(64), nullable=False),
    Column("service_name", String(64), nullable=False),
    Column("topic", _key(249), nullable=False),
    Column("message_key", String(191), nullable=False),
    Column("payload", JSON, nullable=False),
    Column("status", String(32), nullable=False, server_default=text("'pending'")),
    Column("retry_count", Integer, nullable=False, server_default=text("0")),
    Column("max_retry", Integer, nullable=False, server_default=text("20")),
    _time("next_retry_at", nullable=True),
    Column("last_error", TEXT),
    _time("published_at", nullable=True),
    _time("consumed_at", nullable=True),
    _time("created_at"),
    _time("updated_at"),
    Column(
        "ordered_key",
        _key(191),
        Computed("if(((`status` = 'pending') and (length(`message_key`) > 0)),`message_key`,NULL)", persisted=False),
    ),
    Index("ix_notification_outbox_due", "status", "next_retry_at", "id"),
    Index("ix_notification_outbox_order", "ordered_key", "id"),
    **_INNODB,
)

audit = Table(
    "notification_audit",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=True),
    _time("at"),
    Column("actor", String(191), nullable=False),
    Column("action", String(32), nullable=False),
    Column("filter", JSON, nullable=False),
    Column("count", Integer, nullable=False),
    **_INNODB,
)
