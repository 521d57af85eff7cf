"""The command line `python -m local COMMAND`.

A command imports what it needs when it runs: all of it together takes most of a second.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cdk.error import SettingsError
from local.endpoints_file import read_endpoints
from local.home import HOME
from local.machine.environment import use_own_environment
from local.machine.interrupts import Interrupted, raise_interrupts
from local.machine.processes import CannotStartError
from local.sam import command_line as sam_cli

if TYPE_CHECKING:
    from local.stack import StackOptions

_ABOUT = """\
The whole of Hongyan on this machine, from the synthesized CloudFormation template: Kafka, MySQL, the Lambda functions
under the runtime interface emulator, their event sources, and a simulator of Feishu.
"""
_EXAMPLES = """\
examples, with a stack that `make up` keeps running:
  .venv/bin/python -m local status                  what is running, where, and how many records are in which state
  .venv/bin/python -m local token --user 7          user 7's token for the API, good for an hour
  .venv/bin/hongyan publish --user 7                an event for user 7; says what became of it
  .venv/bin/hongyan record 1                        record 1 and its attempts
"""
_INTERRUPTED = 130
_OUTPUT_CLOSED = 141  # as a shell reports SIGPIPE


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    use_own_environment()
    raise_interrupts()
    try:
        code: int = options.run(options)
    except Interrupted:
        print("hongyan: interrupted", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:  # for example after `| head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # discards the rest
        return _OUTPUT_CLOSED
    except (CannotStartError, SettingsError) as error:
        print(f"hongyan: {error}", file=sys.stderr)
        return 1
    return code


def parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(
        prog="python -m local",
        description=_ABOUT,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    root.add_argument(
        "--home",
        type=Path,
        default=HOME,
        metavar="DIR",
        help="where data, ports, logs and the lock are kept, so that several stacks can run (default: .local)",
    )
    commands = root.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_up(commands.add_parser("up", help="start the stack and keep it running until Ctrl-C or `down`"))
    _add(commands.add_parser("down", help="end the stack of this checkout, and wait until it is gone"), _down)
    _add_demo(commands.add_parser("demo", help="run everything, send a few hundred notifications, account for each"))
    _add(commands.add_parser("status", help="what is running, where, and how many records are in which state"), _status)
    _add_token(commands.add_parser("token", help="print a token for the API, good for an hour"))
    _add_rehearse(commands.add_parser("rehearse", help="deploy a stage of cdk.json into moto, and keep it up"))
    sam_cli.add_invoke(commands.add_parser("sam-invoke", help="invoke one function in a container, with `sam local`"))
    sam_cli.add_start(commands.add_parser("sam-start", help="serve the functions in containers, with `sam local`"))
    return root


def _add(command: argparse.ArgumentParser, run: Callable[[argparse.Namespace], int]) -> None:
    command.set_defaults(run=run)


def _add_up(command: argparse.ArgumentParser) -> None:
    _add_stack_options(command, minute_seconds=5.0)
    command.add_argument("--fresh", action="store_true", help="remove the data of earlier runs first")
    _add(command, _up)


def _add_rehearse(command: argparse.ArgumentParser) -> None:
    command.add_argument("--stage", default="dev", help="a stage of cdk.json (default: %(default)s)")
    command.add_argument("--once", action="store_true", help="end as soon as everything stands")
    _add(command, _rehearse)


def _add_demo(command: argparse.ArgumentParser) -> None:
    _add_stack_options(command, minute_seconds=1.5)
    _add(command, _demo)


def _add_stack_options(command: argparse.ArgumentParser, *, minute_seconds: float) -> None:
    command.add_argument(
        "--minute-seconds",
        type=float,
        default=minute_seconds,
        metavar="S",
        help="how long a minute of the scheduler is, so that retries come sooner (default: %(default)s)",
    )
    command.add_argument("--debug", action="store_true", help="print more, such as what is not created in moto")


def _add_token(command: argparse.ArgumentParser) -> None:
    command.add_argument("--user", type=int, required=True, metavar="N", help="whose token it is")
    command.add_argument("--operator", action="store_true", help="with the scope of operators")
    _add(command, _token)


def _up(options: argparse.Namespace) -> int:
    from local.commands.lifecycle import up

    return up(_stack_options(options, name="up", fresh=options.fresh))


def _demo(options: argparse.Namespace) -> int:
    from local.commands.lifecycle import demo

    return demo(_stack_options(options, name="demo", fresh=True))


def _rehearse(options: argparse.Namespace) -> int:
    from local.rehearse.run import rehearse

    return rehearse(options.stage, home=options.home.resolve(), once=options.once, say=_say)


def _stack_options(options: argparse.Namespace, *, name: str, fresh: bool) -> StackOptions:
    from local.stack import StackOptions

    if options.minute_seconds <= 0:
        raise CannotStartError(f"--minute-seconds: should be more than 0, is {options.minute_seconds:g}")
    debug = _say if options.debug else lambda _: None
    return StackOptions(
        home=options.home.resolve(),
        name=name,
        fresh=fresh,
        minute_seconds=options.minute_seconds,
        say=_say,
        debug=debug,
    )


def _down(options: argparse.Namespace) -> int:
    from local.commands.lifecycle import down

    return down(options.home, say=_say)


def _status(options: argparse.Namespace) -> int:
    from local.commands.lifecycle import status

    return status(options.home, say=_say)


def _token(options: argparse.Namespace) -> int:
    from local.commands.token import print_token

    endpoints = read_endpoints(options.home)
    print_token(endpoints, options.home.resolve(), user_id=options.user, is_operator=options.operator, say=_say)
    return 0


def _say(line: str) -> None:
    print(line, flush=True)
