"""The history of one notification: which one is chosen, and how it is told."""

from datetime import datetime, timedelta
from typing import Any

from delivery.domain.record import Status
from local.demo.accounting import account_for
from local.demo.history import history_of, most_eventful
from local.demo.observer import Findings
from tests.unit.demo.accounts import NOW, committed, of_record, row, rows


def at(seconds: float) -> datetime:
    """As MySQL gives it: UTC, without saying so."""
    return (NOW + timedelta(seconds=seconds)).replace(tzinfo=None)


def attempt(number: int, started: float, finished: float | None, outcome: str, **more: object) -> dict[str, Any]:
    values = {"error_code": None, "http_status": None, "latency_ms": None, **more}
    finished_at = None if finished is None else at(finished)
    return {"attempt": number, "started_at": at(started), "finished_at": finished_at, "outcome": outcome, **values}


def call(
    number: int,
    seconds: float,
    *,
    accepted: bool,
    status: int | None = 200,
    code: int | None = 0,
    fault: str | None = None,
) -> dict[str, Any]:
    received_at = (NOW + timedelta(seconds=seconds)).isoformat()
    return {
        "attempt": number,
        "received_at": received_at,
        "status": status,
        "code": code,
        "fault": fault,
        "accepted": accepted,
    }


RECORD = {
    "id": 9,
    "status": "sent",
    "attempt_count": 3,
    "last_error_code": None,
    "created_at": at(1),
    "updated_at": at(30),
    "sent_at": at(30),
}


def test_a_history_is_told_in_order_of_time():
    """From producer to final state, with what Feishu saw in between."""
    history = history_of(
        RECORD,
        attempts=[
            attempt(1, 2, 3, "temporary", error_code="provider_5xx", http_status=503, latency_ms=12),
            attempt(2, 5, None, "lost", error_code="sending_lease_expired"),
            attempt(3, 20, 30, "delivered", http_status=200, latency_ms=40),
        ],
        calls=[
            call(1, 2.5, accepted=False, status=503, code=None, fault="http_5xx"),
            call(2, 6, accepted=True),
            call(3, 21, accepted=True),
        ],
        published=[of_record("a", offset=7)],
    )
    assert [(moment.who, moment.what) for moment in history] == [
        ("producer", "published to partition 0, offset 7"),
        ("ingest", "recorded as notification 9, pending"),
        ("send", "attempt 1 opened"),
        ("Feishu", "call 1: answers HTTP 503 [simulated fault: http_5xx]"),
        ("send", "attempt 1 closed: temporary, provider_5xx (HTTP 503 after 12 ms)"),
        ("send", "attempt 2 opened"),
        ("Feishu", "call 2: answers HTTP 200, code 0; the user sees the message"),
        ("claim", "has noticed that attempt 2 was never closed: lost (sending_lease_expired)"),
        ("send", "attempt 3 opened"),
        ("Feishu", "call 3: answers HTTP 200, code 0; the user sees the message"),
        ("send", "attempt 3 closed: delivered (HTTP 200 after 40 ms)"),
        ("MySQL", "sent after 3 attempts"),
    ]


def test_an_attempt_without_a_call_shows_only_its_outcome():
    """For a user without a channel there is no status and no latency."""
    record = {
        **RECORD,
        "status": "skipped",
        "attempt_count": 1,
        "sent_at": None,
        "last_error_code": "recipient_missing",
    }
    history = history_of(
        record, attempts=[attempt(1, 2, 2, "skipped", error_code="recipient_missing")], calls=[], published=[]
    )
    assert [moment.what for moment in history[2:]] == [
        "attempt 1 closed: skipped, recipient_missing",
        "skipped (recipient_missing) after 1 attempt",
    ]


def test_a_call_that_was_cut_shows_no_status():
    """Only the simulator knows whether the message was seen."""
    cut = call(1, 3, accepted=True, status=None, code=None, fault="accepted_then_cut")
    history = history_of(RECORD, attempts=[], calls=[cut], published=[])
    assert (
        history[1].what == "call 1: cuts the connection; the user sees the message [simulated fault: accepted_then_cut]"
    )


def test_the_history_of_a_row_of_the_outbox_begins_with_its_transaction():
    """By the ids that both rows have in MySQL."""
    history = history_of(RECORD, attempts=[], calls=[], published=[committed("a", outbox_id=4)])
    assert history[0].what == "wrote outbox row 4 in the transaction of its task 4"


def told(found: Findings) -> str | None:
    account = account_for([of_record(key) for key in found.rows], found)
    chosen = most_eventful(account, found)
    return chosen.dedupe_key if chosen else None


def test_the_most_eventful_notification_is_chosen():
    """One seen twice after a crash; else one that a crash left open; else the one with the most attempts."""
    many = row("many", Status.DEAD, record_id=1, attempts=5)
    crashed = row("crashed", record_id=2, attempts=2)
    repeated = row("repeated", record_id=3, attempts=2)
    lost, accepted = {2: 1, 3: 1}, {2: 1, 3: 2}
    assert told(Findings(rows=rows(many, crashed, repeated), lost_attempts=lost, accepted=accepted)) == "repeated"
    assert told(Findings(rows=rows(many, crashed), lost_attempts=lost, accepted=accepted)) == "crashed"
    assert told(Findings(rows=rows(many))) == "many"


def test_without_notifications_there_is_no_history():
    """A run in which ingest did nothing still gets its report."""
    assert told(Findings()) is None
