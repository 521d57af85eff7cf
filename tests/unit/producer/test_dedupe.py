"""The dedupe key for one notification for each user, kind and half hour."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hongyan_producer import checked_event, half_hour_key
from tests.unit.samples import payload

BEGIN = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)


def key(moment: datetime) -> str:
    return half_hour_key(7, "schedule_conflict", moment)


def test_the_key_names_user_kind_and_half_hour_since_1970() -> None:
    """As the Go service's producers build it."""
    assert key(BEGIN) == "7:schedule_conflict:983248"
    assert half_hour_key(8, "schedule_conflict", BEGIN) == "8:schedule_conflict:983248"
    assert half_hour_key(7, "overdue", BEGIN) == "7:overdue:983248"


def test_a_half_hour_begins_at_its_first_moment() -> None:
    """The last microsecond still belongs to it."""
    assert key(BEGIN + timedelta(minutes=30) - timedelta(microseconds=1)) == key(BEGIN)
    assert key(BEGIN - timedelta(microseconds=1)) == "7:schedule_conflict:983247"
    assert key(BEGIN + timedelta(minutes=30)) == "7:schedule_conflict:983249"


@given(st.datetimes(timezones=st.just(UTC)), st.integers(-12 * 60, 14 * 60))
def test_the_zone_of_the_moment_does_not_matter(moment: datetime, minutes: int) -> None:
    """Producers in two zones build the same key, and before 1970, too, it is the floor."""
    try:
        elsewhere = moment.astimezone(timezone(timedelta(minutes=minutes)))
    except OverflowError:
        return
    assert key(elsewhere) == key(moment)
    half_hours = int(key(moment).rpartition(":")[2])
    begin = datetime(1970, 1, 1, tzinfo=UTC) + half_hours * timedelta(minutes=30)
    assert begin <= moment < begin + timedelta(minutes=30)


def test_a_moment_without_a_zone_has_no_half_hour() -> None:
    """It would be another one on each machine."""
    with pytest.raises(ValueError, match=r"^requested_at: should have a time zone$"):
        key(BEGIN.replace(tzinfo=None))


def test_the_longest_kind_makes_a_key_that_ingest_takes() -> None:
    """Of the largest user."""
    longest = half_hour_key(2**63 - 1, "k" * 64, datetime(9999, 12, 30, tzinfo=UTC))
    assert checked_event(payload(dedupe_key=longest))
