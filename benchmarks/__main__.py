"""`make bench`: measures everything in one run on a durable MySQL; a table, latest.json and docs/performance.md out."""

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import monotonic

from benchmarks import claiming, ingesting, living, page, sending, starting
from benchmarks.databases import version_of
from benchmarks.figures import (
    CLAIM_GROWTH,
    CLAIM_VS_ROWS,
    COLD_START,
    COLD_START_OF,
    FIGURES,
    INGEST_VS_RAW,
    INGEST_VS_ROWS,
    LIFE_VS_ROWS,
    SEND_EFFICIENCY,
    Measured,
)
from benchmarks.steps import Step
from benchmarks.table import show
from local.machine.processes import CannotStartError
from local.servers.mysql import MySqlServer, mysql_server

_CHECKOUT = Path(__file__).parents[1]

STEPS = (
    Step(
        "ingest", "recording: sets of 500, bare PyMySQL, row by row", ingesting.measure, (INGEST_VS_ROWS, INGEST_VS_RAW)
    ),
    Step("claim", "claiming: sets of 500, row by row", claiming.measure_against_rows, (CLAIM_VS_ROWS,)),
    Step(
        "growth", "claiming from 20 thousand, 200 thousand and 1 million rows", claiming.measure_growth, (CLAIM_GROWTH,)
    ),
    Step("life", "a record's life: in sets, row by row", living.measure, (LIFE_VS_ROWS,)),
    Step("send", "sending to a Feishu that takes 100 ms", sending.measure, (SEND_EFFICIENCY,)),
    Step("start", "cold starts of the functions", starting.measure, (COLD_START, *COLD_START_OF.values())),
)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    try:
        measured, version = _measure(options.only)
    except CannotStartError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    show(measured)
    if not options.only:
        page.write(measured, mysql=version)
        print("written: benchmarks/latest.json, docs/performance.md")
    return 0


def _measure(only: Sequence[str]) -> tuple[Mapping[str, Measured], str]:
    steps = [step for step in STEPS if not only or step.names.intersection(only)]
    measured: dict[str, Measured] = {}
    with (
        tempfile.TemporaryDirectory(prefix="hongyan-bench-") as state,
        mysql_server(Path(state), cache=_CHECKOUT / ".local" / "cache", durable=True) as server,
    ):
        print(f"bench: on {server.program}, flushed at every commit, with binary log")
        for number, step in enumerate(steps, start=1):
            measured |= _run(step, f"{number}/{len(steps)}", server, Path(state))
        return measured, version_of(server)


def _run(step: Step, place: str, server: MySqlServer, state: Path) -> dict[str, Measured]:
    print(f"bench: {place} {step.says} … ", end="", flush=True)
    began = monotonic()
    measured = step.measure(server, state)
    print(f"{monotonic() - began:.0f} s", flush=True)
    return measured


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measures Hongyan on this machine, in about two minutes, and writes benchmarks/latest.json and\n"
        "the numbers in docs/performance.md. It needs nothing running: it starts a MySQL of its own, or uses\n"
        "the one that DATABASE_URL names. What is measured, and what is wanted:\n\n" + _figures(),
        epilog="steps:\n" + "\n".join(f"  {step.name:<8} {step.says}" for step in STEPS) + "\n\n"
        "An example: python -m benchmarks --only ingest --only claim",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--only",
        metavar="NAME",
        action="append",
        default=[],
        choices=sorted(set().union(*(step.names for step in STEPS))),
        help="measure this step or figure alone; may be given several times. Writes no files: they hold one whole run",
    )
    return parser.parse_args(arguments)


def _figures() -> str:
    return "\n".join(f"  {figure.name:<27} {figure.bound:<7} {figure.says}" for figure in FIGURES)


if __name__ == "__main__":
    sys.exit(main())
