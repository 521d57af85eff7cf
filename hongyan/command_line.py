"""The command line `hongyan`: its commands, and how it ends."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from hongyan.commands import channel, keys, look_ups, operations, publish
from hongyan.commands.command import drop_output
from hongyan.failure import DONE, OUTPUT_CLOSED, USAGE

_ABOUT = """\
See how notifications ended and repair what failed, on a deployed stage or the local stack.

hongyan counts --since 2h
hongyan records --status dead --since 2h
hongyan record 4711
hongyan redrive --code provider_5xx --since 6h
hongyan rejects --not-replayed
hongyan channel test --user 7

It talks to the stage of --profile, to --url, or to the local stack of the checkout that you are in.

Exit codes: 0 done; 1 refused or failed; 2 wrong usage; 3 not found; 4 not let in; 130 interrupted.
"""

app = typer.Typer(
    name="hongyan",
    help=_ABOUT,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)
for room in (look_ups, operations, channel, keys, publish):
    room.add_to(app)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code."""
    _write_what_can_be_written()
    try:
        code = app(list(arguments) if arguments is not None else None, prog_name="hongyan", standalone_mode=False)
        sys.stdout.flush()
    except typer.TyperException as error:
        return _usage(error)
    except typer.Abort:
        print("hongyan: nothing was done", file=sys.stderr)  # noqa: T201 - the user interrupted a question
        return 1
    except BrokenPipeError:
        drop_output()
        return OUTPUT_CLOSED
    return code if isinstance(code, int) else DONE


def _usage(error: typer.TyperException) -> int:
    words = " ".join(error.format_message().split())
    if words:  # help returns no exit code
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "hongyan"
        print(f"hongyan: {words} (see {command} --help)", file=sys.stderr)  # noqa: T201
    return USAGE


def _write_what_can_be_written() -> None:
    """Writes escapes instead of failing if the terminal's encoding has no Chinese."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure:
            reconfigure(errors="backslashreplace")
