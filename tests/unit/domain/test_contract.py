"""The contract: what becomes of every Kafka value, in the order of the design's table."""

from __future__ import annotations

import base64
import gzip
import json
from datetime import UTC, datetime
from typing import Any

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
        event(service_name=1),
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


OTHER = "calendar.changed"


@pytest.mark.parametrize(
    ("value", "looks_like"),
    [
        (None, "missing"),
        (b"", "empty"),
        (b" \n", "empty"),
        (b"\xef\xbb\xbf" + event(), "a byte order mark"),
        (event().decode().encode("utf-16"), "UTF-16"),
        (event().decode().encode("utf-16-le"), "UTF-16"),
        (event().decode().encode("utf-16-be"), "UTF-16"),
        (b"\x00\x00\x00\x00\x2a" + event(), "a schema registry header"),
        (gzip.compress(event()), "compressed with gzip"),
        (b"\x28\xb5\x2f\xfd\x20\x01" + event(), "compressed with zstd"),
        (b"\x04\x22\x4d\x18\x60\x40" + event(), "compressed with lz4"),
        (b"\xff\x06\x00\x00sNaPpY" + event(), "compressed with snappy"),
        (b"\x82SNAPPY\x00\x00" + event(), "compressed with snappy"),
        (base64.b64encode(event()), "base64"),
        (json.dumps(event().decode()).encode(), "inside a JSON string"),
        (b'"text"', "but a string"),
        (b"[1]", "but an array"),
        (b"null", "but null"),
        (b"true", "but true or false"),
        (b"1.5", "but a number"),
        ('{"a": "冲突"}'.encode("gbk"), "not UTF-8"),
        (b"Obj\x01\x04\x16avro.schema", "an Avro file"),
        (b'<?xml version="1.0"?>', "XML"),
        (repr({"event_type": "x"}).encode(), "single quotes"),
        (b'{"payload": {"target_id": NaN}}', "NaN"),
        (b"-Infinity", "Infinity"),
        (b"user 7 should be notified", "plain text"),
        (b" 'text'", "plain text"),
        (b"{", "not JSON: EOF"),
    ],
)
def test_the_reason_says_what_the_value_looks_like(value: bytes | None, looks_like: str) -> None:
    """A producer can mend that; "expected value at line 1 column 1" helps nobody."""
    verdict = judge(value)
    assert isinstance(verdict, Rejected)
    assert verdict.code is RejectCode.ENVELOPE_INVALID
    assert looks_like in verdict.reason


@pytest.mark.parametrize("service", ["calendar", "Notification", "notification2", "", " ", None, ..., 5, ["x"]])
def test_an_event_of_another_type_is_passed_over_unless_it_is_addressed_to_us(service: object) -> None:
    """For another service or for none; a service name that is not a string is not ours."""
    assert judge(event(service_name=service, event_type=f" {OTHER} ")) == NotOurs(event_type=OTHER)


@pytest.mark.parametrize(
    "odd",
    [
        {"event_version": 2},
        {"event_version": "9"},
        {"aggregate_id": 17},
        {"event_id": {}},
        {"outbox_id": "seven"},
        {"payload": []},
        {"payload": "text"},
        {"payload": None},
        {"payload": ...},
        {"payload": 1.5},
    ],
)
@pytest.mark.parametrize("service", ["calendar", ""])
def test_what_is_another_services_is_passed_over_however_odd_the_rest_is(odd: dict[str, Any], service: str) -> None:
    """Its version, ids and payload are that service's business."""
    assert judge(event(service_name=service, event_type=OTHER, **odd)) == NotOurs(event_type=OTHER)


@pytest.mark.parametrize("service", ["calendar", "Notification", "notification2"])
def test_our_type_addressed_elsewhere_is_rejected(service: str) -> None:
    """A producer's mistake, which must not vanish; it is found before anything else in the event."""
    assert code_of(event(service_name=service)) == "addressed_elsewhere"
    assert code_of(event(service_name=service, event_version=9, payload=[])) == "addressed_elsewhere"


@pytest.mark.parametrize("service", [..., None, "", " ", " notification "])
def test_our_type_for_nobody_is_ours(service: object) -> None:
    """As the Go service reads it."""
    assert isinstance(judge(event(service_name=service)), Accepted)


@pytest.mark.parametrize("event_type", [1, [], {}, True])
@pytest.mark.parametrize("service", ["calendar", "notification", "", 5])
def test_a_type_that_is_not_a_string_is_rejected_whoever_it_is_for(event_type: object, service: object) -> None:
    """It could be counted under no name, and nobody can say what it is."""
    assert code_of(event(event_type=event_type, service_name=service)) == "envelope_invalid"


def test_an_unknown_type_addressed_to_us_is_rejected() -> None:
    """The type is judged before the version."""
    assert code_of(event(event_type="notification.sms.requested", event_version="9")) == "event_type_unknown"


@pytest.mark.parametrize("version", ["2", "0", "1.0", "v1"])
def test_an_unsupported_version_is_rejected(version: str) -> None:
    """The version is judged before the payload."""
    assert code_of(event(event_version=version, payload={})) == "event_version_unsupported"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"event_type": ""}, "event_type is empty"),
        ({"event_version": "2"}, "event_version should be empty or 1"),
        ({"event_type": "another"}, "event_type should be notification.feishu.requested"),
        ({"service_name": "calendar"}, "service_name should be empty or notification for this type"),
    ],
)
def test_the_reason_says_what_the_envelope_should_have(changes: dict[str, Any], words: str) -> None:
    """Whoever reads the reject knows what to mend."""
    verdict = judge(event(**changes))
    assert isinstance(verdict, Rejected)
    assert verdict.reason == words


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
    assert record.requested_at == datetime(2026, 1, 31, 8, tzinfo=UTC)


@pytest.mark.parametrize(("given_id", "kept"), [(..., 0), (None, 0), (0, 0), (-4, 0), (5, 5)])
def test_only_an_outbox_id_above_zero_is_kept(given_id: object, kept: int) -> None:
    """For good events and for rejects alike: their outbox row is settled."""
    for value in (event(outbox_id=given_id), event(outbox_id=given_id, payload={})):
        verdict = judge(value)
        assert isinstance(verdict, Accepted | Rejected)
        assert verdict.outbox_id == kept


@pytest.mark.parametrize(
    "broken",
    [{"payload": []}, {"event_version": 2}, {"event_type": 5}, {"event_type": ""}, {"service_name": "calendar"}],
)
def test_an_outbox_id_that_can_be_read_is_kept_whatever_else_is_broken(broken: dict[str, Any]) -> None:
    """So that its outbox row learns that the event is a reject, and why."""
    verdict = judge(event(outbox_id=12, **broken))
    assert isinstance(verdict, Rejected)
    assert verdict.outbox_id == 12


@pytest.mark.parametrize("unreadable", ["3", 2**63, True, 1.0, [3], -1])
def test_an_outbox_id_that_cannot_be_read_marks_nothing(unreadable: object) -> None:
    """No row is guessed."""
    verdict = judge(event(outbox_id=unreadable, payload=[]))
    assert isinstance(verdict, Rejected)
    assert verdict.outbox_id == 0


def test_reasons_of_the_envelope_are_in_plain_words() -> None:
    """JSON's words, not Python's."""
    verdict = judge(event(outbox_id="3", aggregate_id=7, payload=[]))
    assert isinstance(verdict, Rejected)
    assert verdict.reason == (
        "outbox_id: should be a whole number, without quotes; aggregate_id: should be a string; "
        "payload: should be a JSON object"
    )


@given(st.binary() | st.none() | JSON.map(lambda document: json.dumps(document).encode()))
def test_any_bytes_have_a_verdict(value: bytes | None) -> None:
    """None of them may raise: a poison record must not block its partition."""
    assert isinstance(judge(value), Rejected | NotOurs)


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
