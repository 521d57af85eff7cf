"""The words that the tables hold: the backend's code, operators' queries and dashboards know them."""

from delivery.domain.contract import RejectCode
from delivery.domain.outcome import ErrorCode
from delivery.domain.record import Status


def test_states_are_those_of_the_go_service() -> None:
    """Its code reads and writes the same rows."""
    assert {status.value for status in Status} == {"pending", "sending", "sent", "failed", "dead", "skipped"}


def test_codes_stay_as_they_were_stored() -> None:
    """A code that changed its name would leave old rows without a meaning."""
    assert {code.value for code in ErrorCode} == {
        "credential_unreadable",
        "held_after_restore",
        "invalid_url",
        "network_error",
        "not_started",
        "payload_invalid",
        "provider_5xx",
        "provider_auth_failed",
        "provider_rate_limited",
        "provider_refused",
        "provider_refused_channel",
        "provider_timeout",
        "recipient_missing",
        "sending_lease_expired",
    }
    assert {code.value for code in RejectCode} == {
        "addressed_elsewhere",
        "envelope_invalid",
        "event_type_missing",
        "event_type_unknown",
        "event_version_unsupported",
        "payload_invalid",
        "storage_rejected",
    }
