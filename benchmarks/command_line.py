"""The command line `python -m benchmarks`."""

import argparse
from collections.abc import Sequence

from benchmarks.report.figures import FIGURES
from benchmarks.steps import Step

_ABOUT = """\
Measures Hongyan on this machine and writes benchmarks/latest.json and the numbers in docs/performance.md.
It starts what it needs: a MySQL of its own, unless DATABASE_URL names one, and for the flow the local stack, which must
not be up in this checkout. It takes about ten minutes on two quiet cores; whatever else runs makes the figures worse.
A figure that has no bound depends on the machine alone.

figures:
"""
_EXAMPLES = """\
examples:
  python -m benchmarks                              everything, with tables of up to a million rows
  python -m benchmarks --rows 10000000              everything, with up to ten million: about 5 minutes and 6 GB more
  python -m benchmarks --only ingest --only claim   two steps
  python -m benchmarks --only flow_rate             the step of one figure
"""
#: below this there would be nothing between the smallest table and the largest
_FEWEST_ROWS = 500_000


def read_options(steps: Sequence[Step], arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=_ABOUT + _figures(),
        epilog="steps:\n" + "\n".join(f"  {step.name:<10} {step.says}" for step in steps) + "\n\n" + _EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--only",
        metavar="NAME",
        action="append",
        default=[],
        choices=sorted(set().union(*(step.names for step in steps))),
        help="measure this step or figure alone; may be given several times. Writes no files: they hold one whole run",
    )
    parser.add_argument(
        "--rows",
        type=_rows,
        default=1_000_000,
        metavar="N",
        help="how large the largest table of claim_growth and relay_growth is (default: %(default)s)",
    )
    return parser.parse_args(arguments)


def _figures() -> str:
    return "\n".join(f"  {figure.name:<27} {figure.bound:<7} {figure.says}" for figure in FIGURES)


def _rows(text: str) -> int:
    try:
        rows = int(text.replace("_", "").replace(",", ""))
    except ValueError:
        rows = 0
    if rows < _FEWEST_ROWS:
        raise argparse.ArgumentTypeError(f"should be a whole number from {_FEWEST_ROWS:,}, is {text!r}")
    return rows
