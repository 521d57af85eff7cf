"""The Go service's database: its tables as GORM made them, and a row in every state it could leave behind."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, text

RECORDS = """
CREATE TABLE notification_records (
    id bigint AUTO_INCREMENT, channel varchar(32) NOT NULL, user_id bigint NOT NULL,
    trigger_id varchar(64) NOT NULL, preview_id varchar(64) NOT NULL, trigger_type varchar(64) NOT NULL,
    target_type varchar(64) NOT NULL, target_id bigint NOT NULL, dedupe_key varchar(191) NOT NULL,
    target_url varchar(255) NOT NULL, summary_text {text}, fallback_text {text},
    fallback_used boolean NOT NULL DEFAULT false, status varchar(32) NOT NULL, attempt_count bigint NOT NULL DEFAULT 0,
    max_attempts bigint NOT NULL DEFAULT 5, next_retry_at datetime(3) NULL, last_error_code varchar(64),
    last_error {text}, provider_message_id varchar(128), provider_request_json {json}, provider_response_json {json},
    sent_at datetime(3) NULL, trace_id varchar(128), created_at datetime(3) NULL, updated_at datetime(3) NULL,
    PRIMARY KEY (id), UNIQUE INDEX uk_notification_dedupe (channel, dedupe_key),
    INDEX idx_notification_user_created (user_id, created_at), INDEX idx_notification_trigger (trigger_id),
    INDEX idx_notification_preview (preview_id), INDEX idx_notification_status_retry (status, next_retry_at)
) DEFAULT CHARSET=utf8mb4 COLLATE={collation}"""

CHANNELS = """
CREATE TABLE user_notification_channels (
    id bigint AUTO_INCREMENT, user_id bigint NOT NULL, channel varchar(32) NOT NULL,
    enabled boolean NOT NULL DEFAULT true, webhook_url text NOT NULL, auth_type varchar(32) NOT NULL DEFAULT 'none',
    bearer_token text NOT NULL, last_test_status varchar(32), last_test_error text, last_test_at datetime(3) NULL,
    created_at datetime(3) NULL, updated_at datetime(3) NULL,
    PRIMARY KEY (id), UNIQUE INDEX uk_user_notification_channel (user_id, channel),
    INDEX idx_user_notification_channel_user (user_id)
) DEFAULT CHARSET=utf8mb4 COLLATE={collation}"""

OUTBOX = """
CREATE TABLE notification_outbox_messages (
    id bigint AUTO_INCREMENT, event_type varchar(64) NOT NULL, service_name varchar(64) NOT NULL,
    topic varchar(128) NOT NULL, message_key varchar(128) NOT NULL, payload json NOT NULL,
    status varchar(32) NOT NULL, retry_count bigint NOT NULL DEFAULT 0, max_retry bigint NOT NULL DEFAULT 20,
    next_retry_at datetime(3) NULL, last_error text, published_at datetime(3) NULL, consumed_at datetime(3) NULL,
    created_at datetime(3) NULL, updated_at datetime(3) NULL, PRIMARY KEY (id)
) DEFAULT CHARSET=utf8mb4 COLLATE={collation}"""

#: name → the columns that make the row what it is; `minutes` are ago (updated) or ahead (retry)
STATES: dict[str, dict[str, Any]] = {
    "pending": {"status": "pending"},
    "pending, with a time": {"status": "pending", "retry_minutes": -1},
    "sending": {"status": "sending", "attempt_count": 1},
    "sending, with its old retry time": {"status": "sending", "attempt_count": 2, "retry_minutes": -1},
    "failed": {"status": "failed", "attempt_count": 1, "last_error_code": "provider_5xx"},
    "failed, to be retried": {"status": "failed", "attempt_count": 2, "retry_minutes": 7},
    "failed, due": {"status": "failed", "attempt_count": 2, "retry_minutes": -3},
    "pending, no attempts allowed": {"status": "pending", "max_attempts": 0},
    "failed, fewer than none allowed": {"status": "failed", "max_attempts": -1, "retry_minutes": 2},
    "pending, without times": {"status": "pending", "created_at": None, "updated_at": None},
    "sent": {"status": "sent", "attempt_count": 1, "provider_message_id": "m"},
    "sent, with a time": {"status": "sent", "attempt_count": 1, "retry_minutes": -9},
    "dead": {"status": "dead", "attempt_count": 5, "last_error": "why"},
    "skipped": {"status": "skipped", "last_error_code": "recipient_missing"},
}

_INSERT = text("""
INSERT INTO notification_records (channel, user_id, trigger_id, preview_id, trigger_type, target_type, target_id,
    dedupe_key, target_url, summary_text, status, attempt_count, max_attempts, next_retry_at, last_error_code,
    last_error, provider_message_id, provider_request_json, trace_id, created_at, updated_at)
VALUES ('feishu', :user_id, 't', 'p', 'k', 'preview', 3, :name, '/assistant/x', '周三 🦢', :status, :attempt_count,
    :max_attempts, :next_retry_at, :last_error_code, :last_error, :provider_message_id, :request, 'trace',
    :created_at, :updated_at)""")


def make_tables(engine: Engine, *, collation: str, text_type: str, json_type: str) -> None:
    with engine.begin() as connection:
        for table in (RECORDS, CHANNELS, OUTBOX):
            connection.execute(text(table.format(collation=collation, text=text_type, json=json_type)))


def fill(engine: Engine, *, updated_at: datetime, webhook_url: str) -> None:
    """A record of each state, last touched then; its user's number is its place in STATES, from 1."""
    moment = updated_at.replace(tzinfo=None)
    with engine.begin() as connection:
        for user_id, (name, state) in enumerate(STATES.items(), 1):
            connection.execute(_INSERT, {**_blank(moment), "user_id": user_id, "name": name, **_columns(state, moment)})
            channel = {"user_id": user_id, "url": webhook_url, "now": moment}
            connection.execute(
                text(
                    "INSERT INTO user_notification_channels (user_id, channel, webhook_url, bearer_token, created_at) "
                    "VALUES (:user_id, 'feishu_webhook', :url, '', :now)"
                ),
                channel,
            )


def _blank(moment: datetime) -> dict[str, Any]:
    nothing = ("next_retry_at", "last_error_code", "last_error", "provider_message_id")
    counts = {"attempt_count": 0, "max_attempts": 5, "request": '{"a": 1}'}
    return {**dict.fromkeys(nothing), **counts, "created_at": moment - timedelta(hours=1), "updated_at": moment}


def _columns(state: dict[str, Any], moment: datetime) -> dict[str, Any]:
    columns = dict(state)
    if "retry_minutes" in columns:
        columns["next_retry_at"] = moment + timedelta(minutes=columns.pop("retry_minutes"))
    return columns
