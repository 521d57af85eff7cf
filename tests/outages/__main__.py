"""One outage of MySQL: `python -m tests.outages --fault stop`. It exits 1 if a message is lost or doubled."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.outages.run import Plan, run
from tests.outages.servers import FAULTS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.outages", description=__doc__)
    parser.add_argument("--fault", choices=FAULTS, required=True)
    parser.add_argument("--records", type=int, default=15_000)
    parser.add_argument("--seconds", type=float, default=25, help="how long the fault lasts")
    parser.add_argument("--lease", type=float, default=16, help="seconds; shorter than the fault is the hard case")
    parser.add_argument("--keep", type=Path, help="where the logs stay; a temporary directory otherwise")
    given = parser.parse_args()
    plan = Plan(fault=given.fault, records=given.records, seconds=given.seconds, lease_seconds=given.lease)
    with tempfile.TemporaryDirectory() as scratch:
        state = given.keep or Path(scratch)
        state.mkdir(parents=True, exist_ok=True)
        result = run(plan, state)
    print(f"{given.fault}: {result}")  # noqa: T201
    return 1 if result.lost or result.doubled else 0


if __name__ == "__main__":
    sys.exit(main())
