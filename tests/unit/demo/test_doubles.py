"""A message that its user saw twice is excused only by an attempt of its own that a dead sender left open."""

from delivery.domain.record import Status
from local.demo.accounting import account_for
from local.demo.observer import Findings
from tests.unit.demo.accounts import of_record, row, rows


def test_a_message_seen_twice_is_doubled():
    """The run is not in order, although each event has its final state."""
    account = account_for([of_record("good")], Findings(rows=rows(row("good", attempts=2)), accepted={1: 2}))
    assert account.last_line == "demo: 1 published, 1 accounted for, 0 lost, 1 doubled"
    assert not account.in_order
    assert account.settled


def test_a_message_seen_twice_is_explained_by_an_attempt_that_a_dead_sender_left_open():
    """Feishu had accepted the message, and nobody was left to say so."""
    found = Findings(rows=rows(row("good", attempts=2)), accepted={1: 2}, lost_attempts={1: 1})
    account = account_for([of_record("good")], found)
    assert account.last_line == "demo: 1 published, 1 accounted for, 0 lost, 0 doubled"
    assert account.in_order
    assert [one.record_id for one in account.repeated_after_crash] == [1]


def test_one_crash_explains_one_repetition():
    """Three times seen with one attempt left open is doubled."""
    found = Findings(rows=rows(row("good", attempts=3)), accepted={1: 3}, lost_attempts={1: 1})
    account = account_for([of_record("good")], found)
    assert [one.record_id for one in account.doubled] == [1]
    assert account.repeated_after_crash == []


def test_another_notifications_crash_explains_nothing():
    """The attempt that was left open has to be one of its own."""
    found = Findings(
        rows=rows(row("a", record_id=1), row("b", record_id=2)), accepted={1: 2, 2: 1}, lost_attempts={2: 1}
    )
    account = account_for([of_record("a"), of_record("b")], found)
    assert [one.dedupe_key for one in account.doubled] == ["a"]


def test_a_double_counts_although_its_notification_is_not_final():
    """What users saw cannot be taken back."""
    found = Findings(rows=rows(row("good", Status.FAILED)), accepted={1: 2})
    assert len(account_for([of_record("good")], found).doubled) == 1
