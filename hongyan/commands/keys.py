"""`keys rotate|reseal`: a new data key, and the stored credentials under it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from hongyan.commands.bulk import confirm
from hongyan.commands.command import Service, command
from hongyan.door.api import Api
from hongyan.failure import FAILED, INTERRUPTED, Failure
from hongyan.shown.output import errors
from hongyan.shown.text import amount


def add_to(app: typer.Typer) -> None:
    keys = typer.Typer(
        help="Rotate the data key that seals users' webhooks and tokens.", no_args_is_help=True, rich_markup_mode="rich"
    )
    functions: dict[str, Callable[..., None]] = {"rotate": rotate, "reseal": reseal}
    for name, function in functions.items():
        keys.command(name)(command(function))
    app.add_typer(keys, name="keys")


def rotate(service: Service, *, yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False) -> None:
    """Make a new data key. It seals everything saved from then on; older keys still open what they sealed.

    hongyan keys rotate
    """
    api = service.api()
    if not yes:
        confirm("make a new data key?")
    made = api.call("POST", "operate/keys/rotate", once=True)
    service.output.either(made, Text(f"data key {made['key_id']} seals from now on; see: hongyan keys reseal"))


def reseal(
    service: Service,
    begin: Annotated[
        int, typer.Option("--from", min=0, metavar="ID", help="Continue where an earlier call ended.")
    ] = 0,
) -> None:
    """Seal all stored credentials under the newest data key. Exit code 1 if some cannot be read.

    hongyan keys reseal
    hongyan keys reseal --json
    """
    done = {"changed": 0, "unreadable": 0}
    place = begin
    try:
        for answer in _with_progress(_answers(service.api(), begin)):
            done = {name: done[name] + answer[name] for name in done}
            place = answer["next"] or place
    except KeyboardInterrupt:
        raise Failure(f"interrupted; go on with --from {place}", INTERRUPTED) from None
    except Failure as failure:
        raise Failure(f"{failure}; go on with --from {place}", failure.code) from None
    told = f"sealed {amount(done['changed'], 'channel')} anew"
    broken = f"; {amount(done['unreadable'], 'channel')} cannot be read, their users have to save them again"
    service.output.either(done, Text(told + (broken if done["unreadable"] else "")))
    if done["unreadable"]:
        raise typer.Exit(FAILED)


def _answers(api: Api, begin: int) -> Iterator[Mapping[str, Any]]:
    place: int | None = begin
    while place is not None:
        answer = api.post("operate/keys/reseal", {"next": place})
        yield answer
        place = answer["next"]


def _with_progress(answers: Iterator[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Shows how many channels are left, if standard error is a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console, total = errors(), None
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("left", total=None)
        for answer in answers:
            total = total or answer["left"]
            progress.update(task, total=total, completed=total - answer["left"])
            yield answer
