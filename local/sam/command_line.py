"""The commands `sam-invoke` and `sam-start`. Messages go to stderr, because the function's answer is on stdout."""

import argparse
import sys
from pathlib import Path


def add_invoke(command: argparse.ArgumentParser) -> None:
    command.add_argument("function", choices=("ingest", "claim", "send"))
    command.add_argument("--event", type=Path, metavar="F", help="default: the function's example in tests/events")
    _add_image(command)
    command.set_defaults(run=_invoke)


def add_start(command: argparse.ArgumentParser) -> None:
    command.add_argument("--port", type=int, default=3001, metavar="N", help="default: %(default)s")
    _add_image(command)
    command.set_defaults(run=_start)


def _add_image(command: argparse.ArgumentParser) -> None:
    command.add_argument("--image", metavar="NAME", help="an image that is here already (default: pull AWS's own)")


def _invoke(options: argparse.Namespace) -> int:
    from local.sam import run as sam  # noqa: PLC0415 - the Docker client is slow to import

    return sam.invoke(options.home.resolve(), options.function, event=options.event, image=options.image, say=_say)


def _start(options: argparse.Namespace) -> int:
    from local.sam import run as sam  # noqa: PLC0415 - as above

    return sam.start(options.home.resolve(), port=options.port, image=options.image, say=_say)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
