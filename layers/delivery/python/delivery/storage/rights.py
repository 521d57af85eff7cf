"""What each function's own MySQL user may do: stage → table → privileges, as GRANT writes them, and nothing more.

Tests run each stage's statements as its user, and take each privilege away to see that one of them then fails.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# ON DUPLICATE KEY UPDATE reads and writes its columns; FOR UPDATE needs an UPDATE on some column.
RIGHTS: Mapping[str, Mapping[str, str]] = {
    "ingest": {
        "notification_records": "INSERT, SELECT (id, attempt_count, status, channel, dedupe_key), UPDATE (id)",
        "notification_rejects": "INSERT, SELECT (code), UPDATE (code)",
        "notification_outbox_messages": (
            "SELECT (id, status), UPDATE (status, consumed_at, next_retry_at, last_error, updated_at)"
        ),
    },
    "claim": {
        "notification_records": (
            "SELECT (id, status, attempt_count, max_attempts, updated_at, next_retry_at, last_error_code, last_error), "
            "UPDATE (status, next_retry_at, updated_at, last_error_code, last_error)"
        ),
        "notification_attempts": "INSERT, SELECT (record_id), UPDATE (record_id)",
    },
    "send": {
        "notification_records": (
            "SELECT (id, status, attempt_count, max_attempts, user_id, channel, preview_id, trigger_id, trigger_type, "
            "target_type, target_id, target_url, summary_text, fallback_text, trace_id), "
            "UPDATE (status, attempt_count, next_retry_at, last_error_code, last_error, sent_at, provider_message_id, "
            "provider_request_json, provider_response_json, updated_at)"
        ),
        "notification_attempts": (
            "INSERT, SELECT (finished_at, outcome, error_code, error, http_status, response, latency_ms), "
            "UPDATE (finished_at, outcome, error_code, error, http_status, response, latency_ms)"
        ),
        "user_notification_channels": "SELECT (user_id, channel, enabled, webhook_url, auth_type, bearer_token)",
        "notification_data_keys": "SELECT (id, wrapped_key)",
    },
}
