"""The contract: what becomes of every Kafka value, in the order of the design's table."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.domain.contract import Accepted, NotOurs, RejectCode, Rejected
from tests.unit.samples import envelope, event, judge, payload

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


def code_of(value: bytes | None) -> str:
    verdict = judge(value)
    assert isinstance(verdict, Rejected)
    return verdict.code.value


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b" ",
        b"\xff\xfe",
        b"{",
        b"not json",
        b"[]",
        b'"text"',
        b"null",
        b"1",
        b'{"event_type": NaN, "payload": {}}',
        b'{"payload": {"summary_text": "\\ud800"}}',
        event(payload=...),
        event(payload=None),
        event(payload=[]),
        event(payload="{}"),
        event(event_type=1),
        event(outbox_id="3"),
        event(outbox_id=2**63),
        event().decode().encode("utf-16"),
        "摘".encode("gbk"),
    ],
)
def test_a_value_that_is_no_envelope_is_rejected(value: bytes | None) -> None:
    """Missing, not JSON, not UTF-8, not an object, or without a payload object."""
    assert code_of(value) == "envelope_invalid"


@pytest.mark.parametrize("empty", [..., None, "", "  "])
def test_an_event_without_a_type_is_rejected(empty: object) -> None:
    """Even when it is addressed to another service: nobody can say what it is."""
    assert code_of(event(event_type=empty)) == "event_type_missing"
    assert code_of(event(event_type=empty, service_name="calendar")) == "event_type_missing"


@pytest.mark.parametrize("service", ["calendar", "Notification", "notification2"])
def test_an_event_for_another_service_is_skipped(service: str) -> None:
    """Whatever else it says: its version and payload are that service's business."""
    assert judge(event(service_name=service)) == NotOurs()
    assert judge(event(service_name=service, event_version="9", payload={})) == NotOurs()


@pytest.mark.parametrize("service", [..., None, "", " "])
def test_an_event_for_nobody_is_ours_only_by_its_type(service: object) -> None:
    """No service name: our type is ours, any other is skipped."""
    assert isinstance(judge(event(service_name=service)), Accepted)
    assert judge(event(service_name=service, event_type="calendar.changed", event_version="9")) == NotOurs()


def test_an_unknown_type_addressed_to_us_is_rejected() -> None:
    """The type is judged before the version."""
    assert code_of(event(event_type="notification.sms.requested", event_version="9")) == "event_type_unknown"


@pytest.mark.parametrize("version", ["2", "0", "1.0", "v1"])
def test_an_unsupported_version_is_rejected(version: str) -> None:
    """The version is judged before the payload."""
    assert code_of(event(event_version=version, payload={})) == "event_version_unsupported"


@pytest.mark.parametrize("version", [..., None, "", "1", " 1 "])
def test_an_empty_version_is_version_1(version: object) -> None:
    """As the Go service reads it."""
    assert isinstance(judge(event(event_version=version)), Accepted)


def test_a_broken_payload_is_rejected_with_every_field_and_rule() -> None:
    """So that a producer can mend all of them at once."""
    verdict = judge(event(payload=payload(user_id=0, preview_id="", dedupe_key=...)))
    assert isinstance(verdict, Rejected)
    assert verdict.code is RejectCode.PAYLOAD_INVALID
    assert [line.partition(":")[0] for line in verdict.reason.split("; ")] == ["user_id", "preview_id", "dedupe_key"]


def test_a_good_event_becomes_a_record_with_all_its_fields() -> None:
    """Trimmed; unknown fields of envelope and payload are ignored."""
    changed = payload(dedupe_key="  key\n", summary_text=" 摘要 ", notification_id=9, unknown={"x": [1]})
    verdict = judge(event(payload=changed, unknown=True))
    assert isinstance(verdict, Accepted)
    assert verdict.outbox_id == 3
    record = verdict.record
    assert (record.channel, record.dedupe_key, record.summary_text) == ("feishu", "key", "摘要")
    assert (record.user_id, record.target_id, record.notification_id, record.fallback_used) == (7, 12, 9, False)
    assert (record.trigger_id, record.trigger_type, record.target_type) == ("tr-1", "schedule_conflict", "schedule")
    assert (record.preview_id, record.trace_id, record.target_url) == ("pv-1", "trace-1", "/assistant/preview/pv-1")


@pytest.mark.parametrize(("given_id", "kept"), [(..., 0), (None, 0), (0, 0), (-4, 0), (5, 5)])
def test_only_an_outbox_id_above_zero_is_kept(given_id: object, kept: int) -> None:
    """For good events and for rejects alike: their outbox row is settled."""
    for value in (event(outbox_id=given_id), event(outbox_id=given_id, payload={})):
        verdict = judge(value)
        assert isinstance(verdict, Accepted | Rejected)
        assert verdict.outbox_id == kept


@given(st.binary() | st.none() | JSON.map(lambda document: json.dumps(document).encode()))
def test_any_bytes_have_a_verdict(value: bytes | None) -> None:
    """None of them may raise: a poison record must not block its partition."""
    assert isinstance(judge(value), Accepted | Rejected | NotOurs)


@given(st.sampled_from(sorted(envelope())), JSON)
def test_any_json_in_an_envelope_field_has_a_verdict(field: str, value: object) -> None:
    """Wrong types are the commonest mistake of producers."""
    assert isinstance(judge(json.dumps(envelope(**{field: value})).encode()), Accepted | Rejected | NotOurs)


@pytest.mark.parametrize("nesting", [b'{"a":', b"["])
def test_a_thousand_levels_are_a_reject_at_most(nesting: bytes) -> None:
    """As the value itself and inside a payload."""
    closing = {b"[": b"]", b'{"a":': b"}"}[nesting]
    nested = nesting * 1000 + b"1" + closing * 1000
    assert code_of(nested) == "envelope_invalid"
    assert code_of(b'{"event_type": "notification.feishu.requested", "payload": {"x": ' + nested + b"}}") == (
        "envelope_invalid"
    )


def test_a_megabyte_is_judged_like_any_other() -> None:
    """It does no harm in an unknown field, breaks one rule in a text, and is not JSON if it is noise."""
    megabyte = "摘" * (1024 * 1024 // 3)
    assert isinstance(judge(event(payload=payload(unknown=megabyte))), Accepted)
    assert code_of(event(payload=payload(summary_text=megabyte))) == "payload_invalid"
    assert code_of(b"\x00" * 1024 * 1024) == "envelope_invalid"
