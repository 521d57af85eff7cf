"""The account of a run: every event gets one verdict, and only the expected final state is in order."""

import pytest

from delivery.domain.contract import RejectCode
from delivery.domain.record import Status
from local.demo.accounting import account_for
from local.demo.judging import Verdict
from local.demo.observer import Findings
from local.demo.publishing.event_kinds import Kind, Published
from tests.unit.demo.accounts import foreign, malformed, of_record, positions, row, rows


def verdict_on(published: Published, found: Findings) -> tuple[Verdict, str]:
    [judgement] = account_for([published], found).judgements
    return judgement.verdict, judgement.reason


def test_a_run_in_order_is_accounted_for_to_the_last_event():
    """One of each: sent, sent once for two copies, rejected, ignored, skipped, dead."""
    bad, others = malformed(offset=4), foreign(offset=5)
    published = [
        of_record("good", offset=1),
        *(of_record("twice", Kind.DUPLICATE, offset=offset) for offset in (2, 3)),
        bad,
        others,
        of_record("nobody", Kind.NO_CHANNEL, offset=6),
        of_record("broken", Kind.FAILING_FOR_EVER, offset=7),
    ]
    found = Findings(
        rows=rows(
            row("good", record_id=1),
            row("twice", record_id=2),
            row("nobody", Status.SKIPPED, record_id=3, code="recipient_missing"),
            row("broken", Status.DEAD, record_id=4, attempts=5, code="provider_5xx"),
        ),
        rejects=positions([bad], RejectCode.PAYLOAD_INVALID),
        calls={1: 1, 2: 1, 4: 5},
        accepted={1: 1, 2: 1},
    )
    account = account_for(published, found)
    assert account.last_line == "demo: 7 published, 7 accounted for, 0 lost, 0 doubled"
    assert (account.in_order, account.settled, account.problems) == (True, True, [])


def test_an_event_without_a_row_is_lost():
    """Kafka acknowledged it, and nothing came of it."""
    account = account_for([of_record("gone")], Findings())
    assert account.last_line == "demo: 1 published, 0 accounted for, 1 lost, 0 doubled"
    assert (account.in_order, account.settled) == (False, False)


def test_a_sent_notification_that_feishu_never_accepted_is_lost():
    """What MySQL says is believed only when the simulated user saw the message."""
    found = Findings(rows=rows(row("unseen")), calls={1: 1})
    assert verdict_on(of_record("unseen"), found) == (Verdict.LOST, "is marked sent, but Feishu never accepted it")


def test_a_bad_event_without_a_reject_is_lost():
    """A bad event has to be kept, not thrown away."""
    assert verdict_on(malformed(), Findings())[0] is Verdict.LOST


@pytest.mark.parametrize("status", [Status.PENDING, Status.SENDING, Status.FAILED])
def test_a_notification_that_is_not_final_is_unfinished(status):
    """Neither lost nor accounted for, so the watch goes on."""
    found = Findings(rows=rows(row("open", status)))
    account = account_for([of_record("open")], found)
    assert account.last_line == "demo: 1 published, 0 accounted for, 0 lost, 0 doubled"
    assert account.problems[0].reason == f"is still {status}"
    assert not account.settled


@pytest.mark.parametrize(
    ("published", "found", "reason"),
    [
        (
            of_record("a"),
            Findings(rows=rows(row("a", Status.DEAD, code="provider_5xx"))),
            "is dead (provider_5xx), not sent",
        ),
        (
            of_record("a", Kind.NO_CHANNEL),
            Findings(rows=rows(row("a", Status.SKIPPED, code="recipient_missing")), accepted={1: 1}),
            "is skipped, but Feishu accepted it",
        ),
        (
            of_record("a", Kind.REFUSED),
            Findings(rows=rows(row("a", Status.DEAD, code="provider_timeout"))),
            "is dead because of provider_timeout, not provider_auth_failed",
        ),
        (
            of_record("a", offset=9),
            Findings(rejects={(0, 9): "payload_invalid"}),
            "became a reject, not sent",
        ),
        (
            foreign(offset=9),
            Findings(rejects={(0, 9): "event_type_unknown"}),
            "became a reject, not ignored",
        ),
        (
            foreign("theirs"),
            Findings(rows=rows(row("theirs"))),
            "became a notification, although it is for another service",
        ),
        (
            malformed(RejectCode.EVENT_TYPE_MISSING, offset=9),
            Findings(rejects={(0, 9): "payload_invalid"}),
            "rejected as payload_invalid, not event_type_missing",
        ),
    ],
)
def test_a_wrong_final_state_is_unexpected(published, found, reason):
    """Waiting longer does not help."""
    account = account_for([published], found)
    assert [(one.verdict, one.reason) for one in account.judgements] == [(Verdict.UNEXPECTED, reason)]
    assert (account.settled, account.in_order) == (True, False)


def test_a_crash_may_leave_another_reason_for_a_death():
    """The attempt that would have said provider_5xx was the one that was left open."""
    dead = row("a", Status.DEAD, attempts=5, code="sending_lease_expired")
    found = Findings(rows=rows(dead), calls={1: 5}, lost_attempts={1: 1})
    assert verdict_on(of_record("a", Kind.FAILING_FOR_EVER), found)[0] is Verdict.ACCOUNTED
    without_crash = Findings(rows=rows(dead), calls={1: 5})
    assert verdict_on(of_record("a", Kind.FAILING_FOR_EVER), without_crash)[0] is Verdict.UNEXPECTED


def test_an_event_for_another_service_is_accounted_for_when_something_behind_it_was_processed():
    """A partition is read in order, so the next event that leaves a trace proves that this one was read."""
    found = Findings(rows=rows(row("behind")), accepted={1: 1})
    account = account_for([foreign(offset=5), of_record("behind", offset=6)], found)
    assert [one.verdict for one in account.judgements] == [Verdict.ACCOUNTED, Verdict.ACCOUNTED]


def test_an_event_for_another_service_with_nothing_processed_behind_it_is_lost():
    """Perhaps nobody has read that far."""
    found = Findings(rows=rows(row("before")), accepted={1: 1})
    account = account_for([of_record("before", offset=4), foreign(offset=5)], found)
    assert account.judgements[1].verdict is Verdict.LOST


def test_the_row_of_a_copied_event_proves_nothing_about_its_place():
    """The row may have come from the first copy, while the second was never read."""
    found = Findings(rows=rows(row("twice")), accepted={1: 1})
    published = [
        of_record("twice", Kind.DUPLICATE, offset=1),
        foreign(offset=2),
        of_record("twice", Kind.DUPLICATE, offset=3),
    ]
    assert account_for(published, found).judgements[1].verdict is Verdict.LOST


def test_every_kind_has_its_line():
    """Events and what became of them; calls and messages of their notifications, each counted once."""
    bad = malformed(offset=4)
    found = Findings(
        rows=rows(row("twice", record_id=2)),
        rejects=positions([bad], RejectCode.PAYLOAD_INVALID),
        calls={2: 3},
        accepted={2: 2},
        lost_attempts={2: 1},
    )
    published = [*(of_record("twice", Kind.DUPLICATE) for _ in range(2)), bad]
    lines = {line.kind: line for line in account_for(published, found).by_kind}
    assert set(lines) == set(Kind)
    duplicate = lines[Kind.DUPLICATE]
    assert (duplicate.published, duplicate.became, duplicate.accounted) == (2, {"sent": 2}, 2)
    assert (duplicate.calls, duplicate.accepted, duplicate.repeated) == (3, 2, 1)
    assert lines[Kind.MALFORMED].became == {"rejected: payload_invalid": 1}
    assert lines[Kind.GOOD].published == 0
