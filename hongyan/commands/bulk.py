"""Works through many rows, call by call of the API: counted and confirmed first, with progress, and resumable."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from hongyan.door.api import Api
from hongyan.failure import INTERRUPTED, USAGE, Failure
from hongyan.shown.output import errors
from hongyan.shown.text import amount

#: The most ids that the API takes in one request.
_MOST_IDS = 1_000
_HOW = "How"

Answer = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """The options that say how bulk work is done."""

    everything: Annotated[bool, typer.Option("--all", help="Select all rows.", rich_help_panel=_HOW)] = False
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only count the rows; change nothing.", rich_help_panel=_HOW)
    ] = False
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.", rich_help_panel=_HOW)] = False
    begin: Annotated[
        str | None,
        typer.Option("--from", metavar="WORD", help="Continue where an earlier call ended.", rich_help_panel=_HOW),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is done to which rows, and by which route of the API."""

    api: Api
    path: str
    #: `redrive` or `replay`, and the kind of row.
    verb: str
    row: str
    #: The field of an answer that has the count.
    counted: str
    body: Mapping[str, Any]
    ids: Sequence[int] = ()
    begin: str | None = None

    def count(self) -> int:
        """Counts the rows without changing them."""
        return sum(answer[self.counted] for answer in _shown(self._answers(dry_run=True), self, None))

    def run(self, total: int | None) -> list[Answer]:
        """Does the work in parts. The message of a failure or an interrupt says where to continue."""
        run = _Run(next=self.begin)
        try:
            for answer in _shown(self._answers(dry_run=False), self, total):
                run.answers.append(answer)
                run.next = answer["next"]
        except KeyboardInterrupt:
            raise Failure(f"interrupted{self._so_far(run)}", INTERRUPTED) from None
        except Failure as failure:
            raise Failure(f"{failure}{self._so_far(run)}", failure.code) from None
        return run.answers

    def _answers(self, *, dry_run: bool) -> Iterator[Answer]:
        for first in range(0, len(self.ids), _MOST_IDS):
            part = self.ids[first : first + _MOST_IDS]
            yield self.api.post(self.path, {**self.body, "ids": part, "dry_run": dry_run})
        begin, goes_on = self.begin, not self.ids
        while goes_on:
            body = {**self.body, "dry_run": dry_run, **({"next": begin} if begin else {})}
            answer = self.api.post(self.path, body)
            yield answer
            begin, goes_on = answer["next"], answer["next"] is not None

    def _so_far(self, run: _Run) -> str:
        done = sum(answer[self.counted] for answer in run.answers)
        where = f"go on with --from {run.next}" if run.next else "run it again: what is done stays done"
        return f"; {amount(done, self.row)} done, {where}"


@dataclass(slots=True, kw_only=True)
class _Run:
    """The progress of a run."""

    answers: list[Answer] = field(default_factory=list)
    next: str | None


def checked_choice(ids: Sequence[int], wanted: Mapping[str, Any], way: Way) -> Mapping[str, Any]:
    """The request's filter. There is none with ids, and it is empty only with --all."""
    if sum((bool(ids), bool(wanted), way.everything)) != 1:
        raise Failure("say which: ids, or options such as --code and --since, or --all; one of these", USAGE)
    if ids and way.begin:
        raise Failure("--from: goes with a filter, and not with ids", USAGE)
    return {} if ids else {"filter": wanted}


def counted_and_confirmed(work: Work, way: Way) -> int | None:
    """The number of rows, if it was counted, after the user has confirmed. Ids need no confirmation."""
    if way.yes or work.ids:
        return len(work.ids) or None
    total = work.count()
    if total:
        confirm(f"{work.verb} {amount(total, work.row)}?")
    return total


def confirm(question: str) -> None:
    if not sys.stdin.isatty():
        raise Failure(f"{question} Nobody can answer without a terminal: give --yes", USAGE)
    if not typer.confirm(question, err=True):
        raise Failure("nothing was done")


def _shown(answers: Iterable[Answer], work: Work, total: int | None) -> Iterator[Answer]:
    """Passes on the answers, and shows a progress bar if standard error is a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = errors()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(work.verb, total=total)
        for answer in answers:
            progress.advance(task, answer[work.counted])
            yield answer
