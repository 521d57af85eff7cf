"""Redrive and replay: counted, confirmed, done in sets, and resumed where they were interrupted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from itertools import count

import pytest

from delivery.domain.record import Status
from tests.unit.hongyan.conftest import Run, started
from tests.unit.hongyan.served_api import Kept, record, reject

pytestmark = pytest.mark.usefixtures("at_stage")


def due_again(kept: Kept) -> list[int]:
    return [row["id"] for row in kept.records if row["status"] is Status.FAILED]


def test_records_are_redriven_by_their_ids_without_a_question(hongyan: Run, kept: Kept) -> None:
    kept.records = [record(1), record(2), record(3)]
    said = hongyan("redrive", "1", "3")
    assert (said.code, said.out) == (0, "made 2 records due again\n")
    assert due_again(kept) == [1, 3]


def test_a_redrive_again_changes_nothing(hongyan: Run, kept: Kept) -> None:
    kept.records = [record(1)]
    hongyan("redrive", "1")
    said = hongyan("redrive", "1")
    assert said.code == 0
    assert said.out.splitlines() == [
        "made 0 records due again",
        "the others do not exist, or are not dead or skipped",
    ]


def test_more_ids_than_the_api_takes_go_in_parts(hongyan: Run, kept: Kept) -> None:
    kept.records = [record(number) for number in range(1, 2_502)]
    said = hongyan("redrive", *map(str, range(1, 2_502)), "--json")
    assert json.loads(said.out) == {"changed": 2_501}
    assert len(kept.seen) == 3


def test_a_filter_is_redriven_in_sets_to_its_end(hongyan: Run, kept: Kept) -> None:
    kept.records = [record(number) for number in range(1, 2_502)] + [record(3_000, last_error_code="other")]
    said = hongyan("redrive", "--code", "provider_5xx", "--yes")
    assert (said.code, said.out) == (0, "made 2,501 records due again\n")
    assert due_again(kept) == list(range(1, 2_502))


def test_a_dry_run_counts_and_changes_nothing(hongyan: Run, kept: Kept) -> None:
    kept.records = [record(number) for number in range(1, 1_502)]
    said = hongyan("redrive", "--code", "provider_5xx", "--dry-run")
    assert (said.code, said.out) == (0, "would redrive 1,501 records; nothing was changed\n")
    assert json.loads(hongyan("redrive", "--all", "--dry-run", "--json").out) == {"dry_run": True, "changed": 1_501}
    assert due_again(kept) == []


def test_bulk_work_without_a_terminal_has_to_be_confirmed_by_an_option(hongyan: Run, kept: Kept) -> None:
    kept.records = [record(1)]
    said = hongyan("redrive", "--code", "provider_5xx")
    assert said.code == 2
    assert said.err == "hongyan: redrive 1 record? Nobody can answer without a terminal: give --yes\n"
    assert due_again(kept) == []


@pytest.mark.parametrize(("answer", "code", "redriven"), [("y", 0, [1]), ("n", 1, []), ("", 1, [])])
def test_a_person_is_asked_first(answer: str, code: int, redriven: list[int], kept: Kept) -> None:
    kept.records = [record(1)]
    ours, theirs = os.openpty()
    command = started("redrive", "--all", stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    os.write(ours, f"{answer}\n".encode())
    _out, err = command.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert "redrive 1 record? [y/N]" in err
    assert (command.returncode, due_again(kept)) == (code, redriven)


def test_nothing_to_do_is_done_without_a_question(hongyan: Run) -> None:
    said = hongyan("redrive", "--all")
    assert (said.code, said.out) == (0, "made 0 records due again\n")


@pytest.mark.parametrize("which", [(), ("1", "--code", "x"), ("--all", "--code", "x"), ("1", "--all")], ids=" ".join)
def test_what_is_meant_has_to_be_said_in_one_way(which: tuple[str, ...], hongyan: Run, kept: Kept) -> None:
    """A forgotten option never means everything."""
    for command in ("redrive", "replay"):
        said = hongyan(command, *which, "--yes")
        assert said.code == 2
        assert said.err.startswith("hongyan: say which: ids, or options")
    assert kept.seen == []


def test_the_pace_is_sent(hongyan: Run, kept: Kept) -> None:
    kept.records = [record(1)]
    assert hongyan("redrive", "1", "--per-second", "10000").code == 0
    assert hongyan("redrive", "1", "--per-second", "10001").code == 2


def test_an_interrupted_redrive_says_where_to_go_on(kept: Kept) -> None:
    """And goes on there."""
    kept.records = [record(number) for number in range(1, 3_001)]
    calls = count()
    begun: list[subprocess.Popen[str]] = []

    def interrupt_the_second() -> None:
        if next(calls) == 1:
            begun[0].send_signal(signal.SIGINT)
            begun[0].wait(timeout=60)

    kept.before = interrupt_the_second
    command = started("redrive", "--all", "--yes", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    begun.append(command)
    _out, err = command.communicate(timeout=60)
    words, _, word = err.strip().partition(" --from ")
    assert (command.returncode, words) == (130, "hongyan: interrupted; 1,000 records done, go on with")
    again = started("redrive", "--all", "--yes", "--from", word, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    again.communicate(timeout=60)
    assert again.returncode == 0
    assert len(due_again(kept)) == 3_000


def test_a_failure_in_the_middle_says_where_to_go_on(hongyan: Run, kept: Kept) -> None:
    kept.records = [record(number) for number in range(1, 2_001)]
    calls = count()

    def fail_the_second() -> None:
        if next(calls) == 1:
            kept.instead = [(400, b'{"status": "40005", "info": "wrong param type"}')]

    kept.before = fail_the_second
    said = hongyan("redrive", "--all", "--yes")
    assert said.code == 1
    assert said.err.startswith("hongyan: refused: wrong param type (40005); 1,000 records done, go on with --from ")


def test_rejects_that_ingest_accepts_now_are_replayed(hongyan: Run, kept: Kept) -> None:
    kept.rejects = [reject(number) for number in range(1, 203)]
    said = hongyan("replay", "--code", "envelope_invalid", "--not-replayed", "--yes")
    assert (said.code, said.out) == (0, "202 rejects accepted\n")
    assert all(one.known["replayed_at"] for one in kept.rejects)


def test_rejects_that_are_rejected_again_are_named(hongyan: Run, kept: Kept) -> None:
    kept.rejects, kept.bad = [reject(1), reject(2)], {2}
    said = hongyan("replay", "1", "2")
    assert said.code == 1
    assert said.out.splitlines()[0] == "1 reject accepted"
    assert said.out.splitlines()[-1].split() == ["2", "payload_invalid:", "no", "user"]
    said = hongyan("replay", "2", "--json")
    still = [{"id": 2, "reason": "payload_invalid: no user"}]
    assert (said.code, json.loads(said.out)) == (1, {"accepted": 0, "still_rejected": still})


def test_a_dry_run_of_a_replay_changes_nothing(hongyan: Run, kept: Kept) -> None:
    kept.rejects = [reject(1), reject(2)]
    assert hongyan("replay", "--all", "--dry-run").out == "would replay 2 rejects; nothing was changed\n"
    assert not any(one.known["replayed_at"] for one in kept.rejects)


def test_a_person_sees_progress(kept: Kept) -> None:
    """On the terminal, while what the command found goes elsewhere."""
    kept.records = [record(number) for number in range(1, 1_501)]
    ours, theirs = os.openpty()
    command = started("redrive", "--all", "--yes", "--json", stdout=subprocess.PIPE, stderr=theirs)
    out, _ = command.communicate(timeout=60)
    shown = os.read(ours, 65_536).decode(errors="replace")
    os.close(ours)
    os.close(theirs)
    assert json.loads(out) == {"changed": 1_500}
    assert "redrive" in shown
    assert "1000/" in shown or "1500/" in shown
