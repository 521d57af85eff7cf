"""`redrive` and `replay`: what is done to records that ended, and to rejects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.text import Text

from hongyan.commands.bulk import Answer, Way, Work, checked_choice, counted_and_confirmed
from hongyan.commands.command import Service, command
from hongyan.commands.filters import Records, Rejects, given
from hongyan.failure import FAILED
from hongyan.shown.tables import column, table, under
from hongyan.shown.text import amount

_STILL = (column("id", is_whole=True, is_number=True), column("reason"))
_Ids = Annotated[list[int] | None, typer.Argument(min=1, help="Only these rows; excludes options that select.")]


def add_to(app: typer.Typer) -> None:
    for function in (redrive, replay):
        app.command()(command(function))


def redrive(
    which: Records,
    way: Way,
    service: Service,
    ids: _Ids = None,
    per_second: Annotated[int, typer.Option(min=1, max=10_000, help="How many come due per second.")] = 200,
) -> None:
    """Make dead or skipped records due again, with fresh attempts.

    hongyan redrive 4711 4712
    hongyan redrive --code provider_5xx --since 6h --dry-run
    hongyan redrive --code provider_5xx --since 6h --per-second 50
    hongyan redrive --user 7 --yes --json
    """
    body = {**checked_choice(ids or [], given(which), way), "per_second": per_second}
    work = Work(
        api=service.api(), path="operate/redrive", verb="redrive", row="record", counted="changed",
        body=body, ids=ids or [], begin=way.begin,
    )  # fmt: skip
    if way.dry_run:
        return _count_only(work, service)
    total = counted_and_confirmed(work, way)
    changed = 0 if total == 0 else _sum(work.run(total), "changed")
    output = service.output
    output.either({"changed": changed}, Text(f"made {amount(changed, 'record')} due again"))
    if ids and changed < len(ids):
        output.show(Text("the others do not exist, or are not dead or skipped"))
    return None


def replay(which: Rejects, way: Way, service: Service, ids: _Ids = None) -> None:
    """Run rejects through ingest again, exactly as they came from Kafka. Exit code 1 if some are rejected again.

    hongyan replay 17
    hongyan replay --code addressed_elsewhere --not-replayed --dry-run
    hongyan replay --code storage_rejected --since 1d --yes
    """
    body = checked_choice(ids or [], given(which), way)
    work = Work(
        api=service.api(), path="operate/replay", verb="replay", row="reject", counted="accepted",
        body=body, ids=ids or [], begin=way.begin,
    )  # fmt: skip
    if way.dry_run:
        return _count_only(work, service)
    total = counted_and_confirmed(work, way)
    answers = [] if total == 0 else work.run(total)
    accepted, still = _sum(answers, "accepted"), [one for answer in answers for one in answer["still_rejected"]]
    again = (under("rejected again", table(still, _STILL)),) if still else ()
    shown = Group(Text(f"{amount(accepted, 'reject')} accepted"), *again)
    service.output.either({"accepted": accepted, "still_rejected": still}, shown)
    if still:
        raise typer.Exit(FAILED)
    return None


def _count_only(work: Work, service: Service) -> None:
    number = work.count()
    words = Text(f"would {work.verb} {amount(number, work.row)}; nothing was changed")
    service.output.either({"dry_run": True, work.counted: number}, words)


def _sum(answers: Sequence[Answer], name: str) -> Any:  # noqa: ANN401 - JSON
    return sum(answer[name] for answer in answers)
