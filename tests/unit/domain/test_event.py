"""The fields of a payload: each rule of the contract, and that MySQL can hold whatever is let through."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import String

from delivery.domain.contract import Accepted, NewRecord, Rejected
from delivery.storage.tables import records
from tests.unit.samples import event, judge, payload

LIMITED = {
    "trigger_id": 64,
    "trigger_type": 64,
    "target_type": 64,
    "preview_id": 64,
    "dedupe_key": 191,
    "target_url": 255,
    "trace_id": 128,
}
REQUIRED = ["user_id", "preview_id", "dedupe_key", "target_url", "requested_at"]
SECRET = "SECRET-VALUE-42"


def accepted(**changes: object) -> NewRecord:
    verdict = judge(event(payload=payload(**changes)))
    assert isinstance(verdict, Accepted), verdict
    return verdict.record


def reason(**changes: object) -> str:
    verdict = judge(json.dumps({**json.loads(event()), "payload": payload(**changes)}).encode())
    assert isinstance(verdict, Rejected), verdict
    assert verdict.code == "payload_invalid"
    return verdict.reason


def filled(field: str, length: int) -> str:
    start = "/assistant/" if field == "target_url" else ""
    return start + "字" * (length - len(start))


@pytest.mark.parametrize(("field", "limit"), LIMITED.items())
def test_a_text_is_as_long_as_its_column_at_most(field: str, limit: int) -> None:
    """In characters, as MySQL counts: one that fits is kept whole, one more is refused."""
    column = records.c[field].type
    assert isinstance(column, String)
    assert column.length == limit
    assert getattr(accepted(**{field: filled(field, limit)}), field) == filled(field, limit)
    assert reason(**{field: filled(field, limit + 1)}) == f"{field}: should have at most {limit} characters"


@pytest.mark.parametrize("field", ["summary_text", "fallback_text"])
def test_long_texts_fit_mysqls_text_in_bytes(field: str) -> None:
    """65,535 bytes of UTF-8, whatever the characters."""
    assert len(getattr(accepted(**{field: "a" * 65_535}), field)) == 65_535
    assert len(getattr(accepted(**{field: "字" * 21_845}), field)) == 21_845
    for too_long in ("a" * 65_536, "字" * 21_846, "鸿" * 21_845 + "a"):
        assert reason(**{field: too_long}) == f"{field}: should hold at most 65535 bytes of UTF-8"


@pytest.mark.parametrize("field", REQUIRED)
@pytest.mark.parametrize("value", [..., None, "", "  ", [], {}, True, 1.5])
def test_a_required_field_must_be_there_and_of_its_type(field: str, value: object) -> None:
    """The reason begins with the field."""
    assert reason(**{field: value}).startswith(f"{field}: ")


@pytest.mark.parametrize("field", sorted({*payload(), "trace_id"} - set(REQUIRED)))
@pytest.mark.parametrize("absent", [..., None])
def test_an_optional_field_may_be_absent_or_null(field: str, absent: object) -> None:
    """As the Go service reads JSON: null is absent."""
    record = accepted(**{field: absent})
    assert getattr(record, field) in ("", 0)


@pytest.mark.parametrize("value", [0, -1, 2**63, "7", 7.0, True, 10**40])
def test_a_user_id_is_a_whole_number_above_zero_that_a_bigint_holds(value: object) -> None:
    """`7.0` and `"7"` are refused, as Go refuses them."""
    assert reason(user_id=value).startswith("user_id: ")


def test_the_largest_bigint_is_a_user_id() -> None:
    """The limit itself is allowed."""
    assert accepted(user_id=2**63 - 1, target_id=-(2**63)).user_id == 2**63 - 1


@pytest.mark.parametrize("field", ["trigger_id", "trigger_type", "target_type", "preview_id", "dedupe_key", "trace_id"])
def test_texts_are_trimmed_before_they_are_measured(field: str) -> None:
    """Blanks around a value never count."""
    assert getattr(accepted(**{field: f" \t\n{'x' * 64} \r\n"}), field) == "x" * 64


@pytest.mark.parametrize(
    "moment",
    [
        "2026-01-31T08:00:00Z",
        "2026-01-31T08:00:00z",
        "2026-01-31t08:00:00Z",
        "2026-01-31T16:00:00+08:00",
        "2026-01-31T03:00:00-05:00",
        "2026-01-31T08:00:00.1Z",
        "2026-01-31T08:00:00.123456789Z",
        " 2026-01-31T08:00:00Z ",
        "2024-02-29T00:00:00Z",
    ],
)
def test_every_form_of_rfc_3339_is_a_time(moment: str) -> None:
    """Go's own output has up to nine digits of fraction."""
    assert accepted(requested_at=moment).requested_at.tzinfo is UTC


@pytest.mark.parametrize(
    "moment",
    [
        "2026-01-31",
        "2026-01-31T08:00:00",
        "2026-01-31 08:00:00Z",
        "2026-01-31T08:00Z",
        "20260131T080000Z",
        "2026-W05-6T08:00:00Z",
        "2026-01-31T08:00:00+0800",
        "2026-01-31T08:00:00+08",
        "2026-01-31T08:00:00.Z",
        "2026-01-31T08:00:00.1234567890Z",
        "2026-01-31T25:00:00Z",
        "2026-02-30T08:00:00Z",
        "2026-01-31T08:00:00+99:00",
        "２０２６-01-31T08:00:00Z",
        "now",
        1769846400,
    ],
)
def test_no_other_form_is_a_time(moment: object) -> None:
    """Nor a date that does not exist."""
    assert reason(requested_at=moment).startswith("requested_at: should ")


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        ("2026-01-31T08:00:00", "only the zone is missing"),
        ("2026-01-31T08:00:00.123", "only the zone is missing"),
        ("2026-01-31 08:00:00Z", "an RFC 3339 time, such as 2026-01-31T08:00:00+08:00"),
        (1769846400, "in quotes"),
        ("2026-02-30T08:00:00Z", "a time that exists"),
        ("0999-12-31T00:00:00Z", "in the years from 1000 to 9999"),
        ("9999-12-31T23:59:59-08:00", "in the years from 1000 to 9999"),
        (..., "is missing"),
    ],
)
def test_the_reason_says_what_is_wrong_with_a_time(moment: object, words: str) -> None:
    """Most producers forget the zone; a time that MySQL cannot hold in UTC would block the partition."""
    assert words in reason(requested_at=moment)


@pytest.mark.parametrize("moment", ["1000-01-02T00:00:00.000001Z", "9999-12-30T23:59:59.999999Z"])
def test_the_first_and_the_last_moment_that_mysql_holds_are_times(moment: str) -> None:
    """A day is left on either side, for the zone."""
    assert accepted(requested_at=moment).requested_at.isoformat() == moment.replace("Z", "+00:00")


@pytest.mark.parametrize("moment", ["1000-01-02T00:00:00Z", "9999-12-31T00:00:00Z"])
def test_a_moment_before_the_first_or_after_the_last_is_none(moment: str) -> None:
    """MySQL would refuse it."""
    assert reason(requested_at=moment) == "requested_at: should be in the years from 1000 to 9999"


@pytest.mark.parametrize("moment", ["2026-01-31T16:00:00.5+08:00", "2026-01-31T03:00:00.500-05:00"])
def test_the_time_of_the_request_is_kept_in_utc(moment: str) -> None:
    """Whatever its zone."""
    assert accepted(requested_at=moment).requested_at == datetime(2026, 1, 31, 8, 0, 0, 500_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"user_id": "7"}, "user_id: should be a whole number, without quotes"),
        ({"user_id": 2**63}, "user_id: should be a number of 64 bits at most"),
        ({"target_id": -(2**64)}, "target_id: should be a number of 64 bits at most"),
        ({"preview_id": 5}, "preview_id: should be a string"),
        ({"dedupe_key": " "}, "dedupe_key: should not be empty"),
        ({"dedupe_key": ...}, "dedupe_key: is missing"),
        ({"requested_at": "now"}, "requested_at: should be an RFC 3339 time, such as 2026-01-31T08:00:00+08:00"),
    ],
)
def test_reasons_are_in_plain_words(changes: dict[str, Any], words: str) -> None:
    """A producer need not know Python or pydantic."""
    assert reason(**changes) == words


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+08:00"])
def test_the_zero_time_is_no_time(moment: str) -> None:
    """Go writes it for a time that nobody set."""
    assert reason(requested_at=moment) == "requested_at: should not be the zero time"


@given(st.sampled_from(sorted(payload())), st.sampled_from([SECRET * 40, [SECRET], {SECRET: SECRET}, f"{SECRET}\n//"]))
def test_reasons_never_repeat_values(field: str, value: object) -> None:
    """They are logged and shown; values may be private."""
    verdict = judge(event(payload=payload(**{field: value})))
    assert isinstance(verdict, Accepted) or (isinstance(verdict, Rejected) and SECRET not in verdict.reason)


@given(st.fixed_dictionaries({field: st.text(max_size=300) for field in ("dedupe_key", "preview_id", "summary_text")}))
def test_whatever_is_let_through_fits_its_columns(changes: dict[str, str]) -> None:
    """Any characters: MySQL should never have to refuse what the contract accepted."""
    verdict = judge(json.dumps({**json.loads(event()), "payload": payload(**changes)}).encode())
    if isinstance(verdict, Accepted):
        assert 0 < len(verdict.record.dedupe_key) <= 191
        assert 0 < len(verdict.record.preview_id) <= 64
        assert len(verdict.record.summary_text.encode()) <= 65_535


def test_one_character_is_a_text() -> None:
    """A producer may number its previews."""
    assert (accepted(preview_id="1").preview_id, accepted(dedupe_key="1").dedupe_key) == ("1", "1")
