"""The dedupe key for producers: one notification per user, kind and half hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from delivery.domain.contract import Accepted, judge
from delivery.domain.dedupe import time_window_key
from tests.unit.samples import event, payload

HALF_PAST = datetime(2026, 1, 31, 8, 30, tzinfo=UTC)


def key(**changes: object) -> str:
    arguments = {"user_id": 7, "trigger_type": "conflict", "requested_at": HALF_PAST}
    return time_window_key(**(arguments | changes))  # type: ignore[arg-type]  # the tests give wrong ones too


def test_the_key_names_user_kind_and_window() -> None:
    """The window is counted from the Unix epoch in half hours."""
    assert key() == f"7:conflict:{int(HALF_PAST.timestamp()) // 1800}"


def test_all_requests_of_one_half_hour_share_a_key_and_the_next_has_another() -> None:
    """From :30:00 to :59:59.999."""
    within = HALF_PAST + timedelta(minutes=29, seconds=59, milliseconds=999)
    assert key(requested_at=within) == key()
    assert key(requested_at=HALF_PAST + timedelta(minutes=30)) != key()
    assert key(requested_at=HALF_PAST - timedelta(microseconds=1)) != key()


def test_the_time_zone_does_not_matter() -> None:
    """The same moment in Shanghai is the same window."""
    assert key(requested_at=HALF_PAST.astimezone(timezone(timedelta(hours=8)))) == key()


def test_users_and_kinds_are_kept_apart() -> None:
    """Each has its own key."""
    assert len({key(), key(user_id=8), key(trigger_type="deadline"), key(window=timedelta(hours=1))}) == 4


def test_the_longest_key_fits_the_contract() -> None:
    """A key made here is never refused there."""
    longest = key(user_id=2**63 - 1, trigger_type="字" * 64, window=timedelta(seconds=1))
    assert isinstance(judge(event(payload=payload(dedupe_key=longest))), Accepted)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"user_id": 0}, "user_id"),
        ({"trigger_type": " "}, "trigger_type"),
        ({"trigger_type": "x" * 65}, "trigger_type"),
        ({"requested_at": HALF_PAST.replace(tzinfo=None)}, "requested_at"),
        ({"window": timedelta(milliseconds=999)}, "window"),
        ({"window": timedelta(0)}, "window"),
    ],
)
def test_wrong_arguments_are_named(changes: dict[str, object], field: str) -> None:
    """One line that says which and what it should be."""
    with pytest.raises(ValueError, match=f"^{field} should [^\n]+$"):
        key(**changes)
