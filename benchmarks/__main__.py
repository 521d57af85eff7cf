"""`make bench`: measures everything in one run, prints a table and writes latest.json and docs/performance.md."""

import argparse
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import monotonic

from benchmarks.command_line import read_options
from benchmarks.databases import version_of
from benchmarks.report import page
from benchmarks.report.figures import Measured
from benchmarks.report.table import show
from benchmarks.run import STEPS
from benchmarks.steps import Bench, Step
from cdk.settings.context import ROOT
from local.machine.environment import use_own_environment
from local.machine.processes import CannotStartError
from local.servers.mysql import mysql_server

_QUIET = 0.5


def main(arguments: Sequence[str] | None = None) -> int:
    options = read_options(STEPS, arguments)
    use_own_environment()
    _warn_if_busy()
    try:
        measured, version = _measure(options)
    except CannotStartError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    show(measured)
    if not options.only:
        page.write(measured, mysql=version)
        print("written: benchmarks/latest.json, docs/performance.md")
    return 0


def _measure(options: argparse.Namespace) -> tuple[Mapping[str, Measured], str]:
    steps = [step for step in STEPS if not options.only or step.names.intersection(options.only)]
    measured: dict[str, Measured] = {}
    with (
        tempfile.TemporaryDirectory(prefix="hongyan-bench-") as state,
        mysql_server(Path(state), cache=ROOT / ".local" / "cache", durable=True) as server,
    ):
        print(f"bench: on {server.program}, flushed at every commit, with binary log")
        bench = Bench(server=server, state=Path(state), rows=options.rows, progress=_progress)
        for number, step in enumerate(steps, start=1):
            measured |= _run(step, f"{number}/{len(steps)}", bench)
        return measured, version_of(server)


def _run(step: Step, place: str, bench: Bench) -> dict[str, Measured]:
    print(f"bench: {place} {step.says} … ", end="", flush=True)
    began = monotonic()
    measured = step.measure(bench)
    figures = ", ".join(f"{name} {result.value:.2f}" for name, result in measured.items())
    print(f"{monotonic() - began:.0f} s: {figures}", flush=True)
    return measured


def _progress(how_far: str) -> None:
    print(f"{how_far} … ", end="", flush=True)


def _warn_if_busy() -> None:
    load = os.getloadavg()[0]
    if load > _QUIET:
        print(f"bench: other programs keep {load:.1f} processors busy: the figures will be worse than this machine")


if __name__ == "__main__":
    sys.exit(main())
