"""Makes a command of a function: its parameters that are dataclasses become options, one for each field."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from hongyan.door.api import Api
from hongyan.failure import INTERRUPTED, OUTPUT_CLOSED, Failure
from hongyan.place.profiles import profile_names
from hongyan.place.target import Options, Surroundings, Target, choose
from hongyan.shown.output import Output, say

_WHERE = "Where"


def surroundings() -> Surroundings:
    return Surroundings(environment=os.environ, directory=Path.cwd(), home=Path.home(), say=say)


def _profiles(incomplete: str) -> list[str]:
    return [name for name in profile_names(surroundings().profiles()) if name.startswith(incomplete)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The options that every command takes: which service it talks to and how it prints."""

    profile: Annotated[
        str | None,
        typer.Option(
            help="A stage of the profile file (or HONGYAN_PROFILE).",
            autocompletion=_profiles,
            rich_help_panel=_WHERE,
        ),
    ] = None
    url: Annotated[str | None, typer.Option(help="The API's address (or HONGYAN_URL).", rich_help_panel=_WHERE)] = None
    token: Annotated[
        str | None,
        typer.Option(help="A token for it (or HONGYAN_TOKEN, which others cannot see).", rich_help_panel=_WHERE),
    ] = field(default=None, repr=False)
    as_json: Annotated[bool, typer.Option("--json", help="JSON for programs; a list has one line per row.")] = False

    def target(self) -> Target:
        return choose(Options(url=self.url, token=self.token, profile=self.profile), surroundings())

    def api(self) -> Api:
        return self.target().operator()

    @property
    def output(self) -> Output:
        return Output(as_json=self.as_json)


def command(function: Callable[..., None]) -> Callable[..., None]:
    """Makes a typer command from dataclasses of options, because typer has no groups of options."""
    parameters = inspect.signature(function, eval_str=True).parameters
    groups: dict[str, Any] = {name: one.annotation for name, one in parameters.items() if is_dataclass(one.annotation)}
    plain = [one for name, one in parameters.items() if name not in groups]
    options = [option for kind in groups.values() for option in _options(kind)]

    @wraps(function)
    def run(**given: Any) -> None:  # noqa: ANN401 - as typer parsed them
        made = {name: kind(**{one.name: given.pop(one.name) for one in fields(kind)}) for name, kind in groups.items()}
        with _told():
            function(**made, **given)
            sys.stdout.flush()

    signature = inspect.Signature([one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in (*plain, *options)])
    run.__signature__ = signature  # type: ignore[attr-defined]  # typer reads it
    run.__annotations__ = {name: one.annotation for name, one in signature.parameters.items()}
    return run


@contextmanager
def _told() -> Iterator[None]:
    """Ends a failed command with one line and an exit code."""
    try:
        yield
    except Failure as failure:
        say(f"hongyan: {failure}")
        raise typer.Exit(failure.code) from None
    except KeyboardInterrupt:
        say("hongyan: interrupted")
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:  # for example after `| head -1`
        drop_output()
        raise typer.Exit(OUTPUT_CLOSED) from None


def drop_output() -> None:
    """Discards the rest of the output, because its reader has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _options(kind: Any) -> list[inspect.Parameter]:  # noqa: ANN401 - a dataclass
    hints = get_type_hints(kind, include_extras=True)
    return [
        inspect.Parameter(one.name, inspect.Parameter.KEYWORD_ONLY, default=_default(one), annotation=hints[one.name])
        for one in fields(kind)
    ]


def _default(one: Field[Any]) -> object:
    return one.default_factory() if one.default_factory is not MISSING else one.default
