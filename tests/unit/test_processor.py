"""One processor for a run's threads, where the system has affinities, and no trouble where it has none."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from delivery import processor
from delivery.domain.outcome import Delivered, Outcome
from delivery.processor import one_processor
from tests.unit.stages.sending_fakes import Attempts, Way, pointers, sender, soon

SEVERAL = os.sched_getaffinity(0)


def mine() -> set[int]:
    return os.sched_getaffinity(0)


@dataclass
class Watched(Attempts):
    """Remembers where its statements run."""

    at: list[set[int]] = field(default_factory=list)

    def close(self, *args: Any, **named: Any) -> Any:
        self.at.append(mine())
        return super().close(*args, **named)


def test_threads_that_start_meanwhile_are_on_the_same_processor() -> None:
    with one_processor(), ThreadPoolExecutor() as threads:
        here = mine()
        assert len(here) == 1
        assert threads.submit(mine).result() == here
    assert mine() == SEVERAL


def test_a_thread_gets_back_no_more_than_it_had() -> None:
    """A machine's operator may have taken some from this program."""
    some = {min(SEVERAL)}
    os.sched_setaffinity(0, some)
    try:
        with one_processor():
            pass
        after = mine()
    finally:
        os.sched_setaffinity(0, SEVERAL)
    assert after == some


def test_all_processors_are_back_after_an_error() -> None:
    with pytest.raises(ValueError, match="a bug"), one_processor():
        raise ValueError("a bug")
    assert mine() == SEVERAL


def test_calls_and_closes_of_a_run_share_one_processor() -> None:
    calls: list[set[int]] = []

    def called(_attempt: object) -> Outcome:
        calls.append(mine())
        return Delivered(provider_message_id="m")

    attempts = Watched()
    sender(attempts, Way(how=called)).run(pointers(*range(1, 9)), until=soon())
    assert len(calls) == 8
    [one] = {frozenset(at) for at in [*calls, *attempts.at]}
    assert len(one) == 1
    assert mine() == SEVERAL


@pytest.mark.parametrize("there", sorted(SEVERAL))
def test_a_run_stays_where_it_is(there: int) -> None:
    """On another processor it would find none of what it needs in the caches."""
    os.sched_setaffinity(0, {there})
    try:
        on = processor._current()
    finally:
        os.sched_setaffinity(0, SEVERAL)
    assert on == there


def test_a_program_s_name_may_have_anything_in_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    fields = ["S", *(str(number) for number in range(4, 53))]
    stat.write_text(f"4242 (send) 7 (x) {' '.join(fields)}\n")
    monkeypatch.setattr(processor, "_STAT", stat)
    assert processor._current() == 39


def test_a_system_that_forbids_it_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(_thread: int, _processors: set[int]) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setaffinity", forbidden)
    with one_processor():
        assert mine() == SEVERAL


@pytest.mark.parametrize("said", [None, "", "4242 (send) S 1 2", "4242 (send) S " + "- " * 50])
def test_a_system_that_does_not_say_where_a_thread_is_changes_nothing(
    said: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Not every kernel fills in what Linux does."""
    stat = tmp_path / "stat"
    if said is not None:
        stat.write_text(said)
    monkeypatch.setattr(processor, "_STAT", stat)
    with one_processor():
        assert mine() == SEVERAL


def test_a_system_without_affinities_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """macOS, where people develop."""
    monkeypatch.delattr(os, "sched_setaffinity")
    monkeypatch.delattr(os, "sched_getaffinity")
    way = Way()
    sender(Attempts(), way).run(pointers(1, 2), until=soon())
    assert sorted(way.called) == [1, 2]
