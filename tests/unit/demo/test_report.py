"""What people read: the live counts, the tables, and the lines that name what is wrong."""

import io

import pytest
from rich.console import Console

from delivery.domain.contract import RejectCode
from delivery.domain.record import Status
from local.demo.accounting import account_for
from local.demo.display import Snapshot, live_display
from local.demo.history import Moment
from local.demo.observer import Findings
from local.demo.publishing.event_kinds import Kind, Publication
from local.demo.report import print_account, print_crash, print_history, print_outbox, print_problems
from tests.unit.demo.accounts import NOW, malformed, of_record, outbox_row, row, rows, unreadable


@pytest.fixture
def console():
    return Console(file=io.StringIO(), width=140)


def printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def snapshot(**statuses: int) -> Snapshot:
    found = Findings(
        rows=rows(*(row(f"{status}-{n}", Status(status)) for status, count in statuses.items() for n in range(count))),
        calls={1: 3},
        accepted={1: 2},
    )
    return Snapshot.of(found, rejects=4, seconds=1.5)


def test_without_a_terminal_there_is_a_plain_line_for_each_change(console):
    """Not for each look, and not more often than every two seconds."""
    looks = [(0.0, snapshot(pending=2)), (3.0, snapshot(pending=2)), (4.0, snapshot(sent=1)), (5.0, snapshot(sent=2))]
    clock = [0.0]
    with live_display(console, now=lambda: clock[0]) as show:
        for clock[0], look in looks:
            show(look)
    first, second = printed(console).splitlines()
    assert first == (
        "  1.5 s: 2 pending, 0 sending, 0 failed, 0 sent, 0 dead, 0 skipped, 4 rejected; Feishu: 3 calls, 2 accepted"
    )
    assert "1 sent" in second


def test_on_a_terminal_the_counts_stand_in_one_place():
    """Every state, with a bar."""
    console = Console(file=io.StringIO(), width=100, force_terminal=True)
    with live_display(console) as show:
        show(snapshot(sent=3, dead=1))
    text = printed(console)
    assert all(status in text for status in Status)
    assert "█" in text


def test_the_account_has_a_line_for_each_kind(console):
    """What was published, what became of it, and what users saw; what is missing is counted too."""
    bad = [malformed(), malformed(), malformed(RejectCode.ENVELOPE_INVALID)]
    found = Findings(
        rows=rows(row("a", record_id=1)),
        rejects={one.position: str(one.event.expected.reject) for one in bad},
        calls={1: 2},
        accepted={1: 2},
        lost_attempts={1: 1},
    )
    print_account(console, account_for([of_record("a"), of_record("b"), *bad], found))
    cells = {
        kind: [cell.strip() for cell in line.split("│")[1:-1]]
        for kind in Kind
        for line in printed(console).splitlines()
        if line.startswith(f"│ {kind} ")
    }
    assert set(cells) == set(Kind)
    assert cells[Kind.GOOD] == ["good", "2", "1 nothing, 1 sent", "2", "2 (1 twice)", "1 of 2"]
    assert cells[Kind.MALFORMED][2] == "rejected: 2 payload_invalid, 1 envelope_invalid"
    assert cells[Kind.SLOW] == ["Feishu is slow", "0", "-", "-", "-", "0"]


def test_what_is_wrong_is_named_a_line_each(console):
    """Which event, where in Kafka, and what is wrong with it."""
    found = Findings(rows=rows(row("seen-twice", record_id=5)), accepted={5: 2})
    published: list[Publication] = [
        of_record("seen-twice", offset=1),
        of_record("gone", offset=2),
        malformed(offset=3),
        unreadable(outbox_id=4),
    ]
    print_problems(console, account_for(published, found), found)
    assert printed(console).splitlines() == [
        "lost: gone (partition 0, offset 2) left no row",
        "lost: malformed event (partition 0, offset 3) left no reject; payload_invalid was expected",
        "lost: outbox: unreadable event (outbox row 4) was committed, but a row of its transaction is not there",
        "doubled: notification 5 (seen-twice) was seen more than once, and no crash explains it",
    ]


def test_a_double_after_a_time_out_says_so(console):
    """It is still a double, but a busy machine may be the cause."""
    found = Findings(rows=rows(row("a", record_id=5)), accepted={5: 2}, timed_out={5: 1})
    account = account_for([of_record("a")], found)
    print_problems(console, account, found)
    assert not account.in_order
    assert "and 1 attempt timed out after Feishu had accepted the message" in printed(console)


def test_many_problems_are_cut_short(console):
    """The first ones, and how many more there are."""
    print_problems(console, account_for([of_record(f"gone-{number}") for number in range(30)], Findings()), Findings())
    lines = printed(console).splitlines()
    assert len(lines) == 21
    assert lines[-1] == "… and 10 more"


def test_nothing_is_said_where_nothing_is_wrong(console):
    """Only the last line of the demo follows."""
    found = Findings(rows=rows(row("a")), accepted={1: 1})
    print_problems(console, account_for([of_record("a")], found), found)
    assert printed(console) == ""


def test_the_crash_is_told_with_what_it_repeated(console):
    """How many attempts were left open, and which messages were seen twice."""
    found = Findings(rows=rows(row("a", record_id=5)), accepted={5: 2}, lost_attempts={5: 1})
    print_crash(console, account_for([of_record("a")], found), killed=True, lost_attempts=3)
    assert "It left 3 attempts open" in printed(console)
    assert "were seen twice (notifications 5)" in printed(console)


def test_a_run_without_a_crash_says_so(console):
    """It proves nothing about crashes."""
    print_crash(console, account_for([], Findings()), killed=False, lost_attempts=0)
    assert printed(console).startswith("No sender was killed")


def test_a_history_is_shown_moment_by_moment(console):
    """Brackets are shown as they are, although Rich would take them for markup."""
    print_history(console, row("a", record_id=5), [Moment(at=NOW, who="Feishu", what="call 1 [simulated fault: cut]")])
    assert "call 1 [simulated fault: cut]" in printed(console)
    assert "08:00:00.000" in printed(console)


def test_it_is_told_how_soon_the_relay_brought_rows_to_kafka(console):
    """Rows that it never published do not count; without the others nothing is said."""
    waits = [0.2, 0.4, 3.0, None]
    rows = {number: outbox_row("consumed", published_after=wait) for number, wait in enumerate(waits)}
    print_outbox(console, Findings())
    print_outbox(console, Findings(outbox=rows))
    assert printed(console) == (
        "The relay brought 3 rows of the outbox to Kafka: half of them within 0.4 s of being written, "
        "the last after 3.0 s.\n"
    )
