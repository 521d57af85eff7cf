"""What is written to the outbox is judged by what the relay and ingest made of it, and by what was rolled back."""

from collections.abc import Mapping

import pytest

from local.demo.accounting import account_for
from local.demo.judging import Verdict
from local.demo.observer import Findings, OutboxRow, Row
from local.demo.publishing.event_kinds import Publication
from tests.unit.demo.accounts import committed, outbox_row, rolled_back, row, rows, unreadable


def verdict_on(published: Publication, found: Findings) -> tuple[Verdict, str]:
    [judgement] = account_for([published], found).judgements
    return judgement.verdict, judgement.reason


def seen(outbox: Mapping[int, OutboxRow], *records: Row) -> Findings:
    """Every outbox row has its task, and Feishu accepted every record once."""
    accepted = {it.record_id: 1 for it in records}
    return Findings(rows=rows(*records), outbox=outbox, tasks={*outbox}, calls=accepted, accepted=accepted)


def test_a_run_through_the_outbox_in_order_is_accounted_for():
    """One sent, one that left nothing, one dead in the outbox."""
    published = [committed("a", outbox_id=3), rolled_back(outbox_id=1), unreadable(outbox_id=2)]
    account = account_for(published, seen({3: outbox_row("consumed"), 2: outbox_row("dead")}, row("a")))
    assert account.last_line == "demo: 3 published, 3 accounted for, 0 lost, 0 doubled"
    assert [one.became for one in account.judgements] == ["sent", "left nothing", "dead in the outbox"]


@pytest.mark.parametrize("status", ["pending", "published"])
def test_a_row_on_its_way_is_unfinished(status):
    """To Kafka, or from there to ingest."""
    found = seen({3: outbox_row(status)})
    for published in (committed("a", outbox_id=3), unreadable(outbox_id=3)):
        assert verdict_on(published, found) == (Verdict.UNFINISHED, f"is still {status}")


def test_a_committed_row_that_is_consumed_and_no_record_is_lost():
    """The mark alone proves nothing."""
    assert verdict_on(committed("a", outbox_id=3), seen({3: outbox_row("consumed")})) == (Verdict.LOST, "left no row")


def test_a_committed_row_that_feishu_never_saw_is_lost():
    """As for every other notification."""
    found = Findings(rows=rows(row("a")), outbox={3: outbox_row("consumed")}, tasks={3}, calls={1: 1})
    assert verdict_on(committed("a", outbox_id=3), found)[0] is Verdict.LOST


@pytest.mark.parametrize(("outbox", "tasks"), [({}, {3}), ({3: outbox_row("consumed")}, set())])
def test_half_of_a_committed_transaction_is_lost(outbox, tasks):
    """The outbox row and the business row stand or fall together."""
    found = Findings(rows=rows(row("a")), outbox=outbox, tasks=tasks, accepted={1: 1})
    assert verdict_on(committed("a", outbox_id=3), found)[0] is Verdict.LOST


def test_a_committed_row_that_dies_is_unexpected_and_says_why():
    """In the words that stand in the row."""
    found = seen({3: outbox_row("dead", error="refused")})
    assert verdict_on(committed("a", outbox_id=3), found) == (
        Verdict.UNEXPECTED,
        "is dead in the outbox (refused), not consumed",
    )


def test_an_unreadable_row_that_becomes_anything_is_unexpected():
    """Kafka never takes it."""
    found = seen({3: outbox_row("consumed")})
    assert verdict_on(unreadable(outbox_id=3), found)[0] is Verdict.UNEXPECTED


@pytest.mark.parametrize(
    "found",
    [
        Findings(rows=rows(row("x")), accepted={1: 1}),
        Findings(outbox={1: outbox_row("pending")}),
        Findings(tasks={1}),
    ],
    ids=["a record", "an outbox row", "a business row"],
)
def test_anything_that_is_left_of_a_rolled_back_transaction_is_unexpected(found):
    """Of what it asked for, or of itself."""
    assert verdict_on(rolled_back("x", outbox_id=1), found)[0] is Verdict.UNEXPECTED


def test_a_rolled_back_transaction_is_accounted_for_when_a_later_row_got_through():
    """Before that, it may only be that the relay has not looked yet."""
    pending, through = (seen({2: outbox_row(status)}, row("later")) for status in ("pending", "consumed"))
    assert verdict_on(rolled_back(outbox_id=1), pending)[0] is Verdict.LOST
    assert verdict_on(rolled_back(outbox_id=1), through)[0] is Verdict.ACCOUNTED
    assert verdict_on(rolled_back(outbox_id=3), through)[0] is Verdict.LOST
