"""What the package lets through, ingest accepts, and what it refuses, ingest would reject for the same reasons."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.domain.contract import Accepted, Rejected
from hongyan_producer import ContractError, checked_event
from tests.unit.samples import event, judge, payload

SECRET = "SECRET-VALUE-42"
NOW = datetime(2026, 1, 31, 16, 0, tzinfo=timezone(timedelta(hours=8)))
#: What a producer may put into a field, some of which JSON cannot hold.
ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(),
    st.datetimes(timezones=st.none() | st.just(UTC)),
    st.sampled_from([b"bytes", UUID(int=1), Decimal(1), date(2026, 1, 31), {1}, {"a": float("nan")}, ["\ud800"]]),
)
FIELDS = st.dictionaries(st.sampled_from([*sorted(payload()), "unknown"]), ANYTHING, max_size=3)


def refused(given: Any) -> tuple[str, ...]:
    with pytest.raises(ContractError) as raised:
        checked_event(given)
    return raised.value.rules


@given(FIELDS)
def test_ingest_accepts_whatever_the_package_lets_through(changes: dict[str, Any]) -> None:
    """Byte for byte as it would be in Kafka."""
    try:
        made = checked_event(payload(**changes))
    except ContractError:
        return
    verdict = judge(made.value)
    assert isinstance(verdict, Accepted), verdict
    assert made.key == str(verdict.record.user_id)


@given(FIELDS)
def test_ingest_would_reject_for_the_same_reasons_whatever_the_package_refuses(changes: dict[str, Any]) -> None:
    """As far as JSON can hold it at all."""
    try:
        value = event(payload=payload(**changes))
        json.loads(value, parse_constant=int)  # NaN and Infinity are no JSON
    except (TypeError, ValueError):
        return
    verdict = judge(value)
    if isinstance(verdict, Rejected) and verdict.code == "payload_invalid":
        assert "; ".join(refused(payload(**changes))) == verdict.reason


def test_every_broken_rule_is_named_in_one_readable_line() -> None:
    """A producer's log is where it is read; private values stay out of it."""
    bad = payload(user_id="7", preview_id=..., target_url=f"//{SECRET}", requested_at="2026-01-31T08:00:00", extra={1})
    with pytest.raises(ContractError) as raised:
        checked_event(bad)
    assert str(raised.value) == (
        "the event breaks the contract: user_id: should be a whole number, without quotes; preview_id: is missing; "
        "target_url: should begin with /assistant/; "
        "requested_at: should have a time zone, Z or +08:00 at its end: only the zone is missing; "
        "extra: cannot be written as JSON"
    )


@pytest.mark.parametrize("field", [*sorted(payload()), "unknown"])
def test_a_refusal_repeats_no_value(field: str) -> None:
    """Neither in its words nor in what it was raised from."""
    with pytest.raises(ContractError) as raised:
        checked_event(payload(**{field: {SECRET: {SECRET}}}))
    assert SECRET not in repr(raised.value)
    assert raised.value.__cause__ is None
    assert SECRET not in repr(raised.value.__context__)


def test_a_refusal_can_be_passed_between_processes() -> None:
    """As task queues do."""
    written = pickle.dumps(ContractError("user_id: is missing", "preview_id: is missing"))
    error = pickle.loads(written)  # noqa: S301 - our own
    assert error.rules == ("user_id: is missing", "preview_id: is missing")
    assert str(error) == "the event breaks the contract: user_id: is missing; preview_id: is missing"


@pytest.mark.parametrize("given", [None, "{}", [], 7])
def test_a_payload_is_a_mapping(given: Any) -> None:
    assert refused(given) == ("payload: should be a mapping of its fields",)


@pytest.mark.parametrize(
    "value", [UUID(int=1), Decimal(1), {1}, float("nan"), {"deep": float("inf")}, ["\ud800"], date(2026, 1, 31)]
)
def test_an_unknown_field_travels_along_if_json_can_hold_it(value: object) -> None:
    """A newer service than the package may know it; what has no JSON would break the caller's transaction."""
    assert json.loads(checked_event(payload(locale=["zh", None])).value)["payload"]["locale"] == ["zh", None]
    assert refused(payload(locale=value)) == ("locale: cannot be written as JSON",)


def test_a_moment_stands_for_its_text() -> None:
    """With its zone, in the field that needs one and in any other."""
    made = checked_event(payload(requested_at=NOW, due={"at": NOW}))
    assert json.loads(made.value)["payload"]["requested_at"] == "2026-01-31T16:00:00+08:00"
    assert json.loads(made.value)["payload"]["due"] == {"at": "2026-01-31T16:00:00+08:00"}


def test_a_moment_without_a_zone_is_no_moment() -> None:
    [rule] = refused(payload(requested_at=NOW.replace(tzinfo=None)))
    assert rule == "requested_at: should have a time zone, Z or +08:00 at its end: only the zone is missing"


def test_the_envelope_names_the_event_for_this_service() -> None:
    """The aggregate is the preview, as ingest reads its id."""
    made = checked_event(payload(preview_id=" pv-1 "), event_id="ev-1")
    document = json.loads(made.value)
    assert document.pop("payload") == payload(preview_id=" pv-1 ")
    assert document == {
        "event_id": "ev-1",
        "event_type": "notification.feishu.requested",
        "event_version": "1",
        "service_name": "notification",
        "aggregate_id": "pv-1",
    }


def test_an_event_id_is_a_text() -> None:
    wrong: Any = 7
    with pytest.raises(ContractError, match=r"^the event breaks the contract: event_id: should be a string$"):
        checked_event(payload(), event_id=wrong)


def test_the_prefixes_of_target_urls_are_the_stage_s() -> None:
    """By default the stage's own default."""
    assert refused(payload(target_url="/plans/1")) == ("target_url: should begin with /assistant/",)
    assert checked_event(payload(target_url="/plans/1"), url_prefixes=("/plans/",)).key == "7"
