"""MySQL is killed in the middle of 800 sends: nothing is lost, nothing arrives twice.

`make outages` runs every fault, with 15,000 sends; tests/e2e/stack/test_mysql_outage.py has one with the whole stack.
"""

from __future__ import annotations

from pathlib import Path

from tests.outages.run import Plan, run


def test_an_outage_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    """It comes back three seconds later, with what it had written to its disk."""
    plan = Plan(fault="kill", records=800, senders=2, seconds=3, lease_seconds=11, invocation_seconds=10)
    result = run(plan, tmp_path)
    assert (result.sent, result.lost, result.doubled) == (800, 0, 0), str(result)
    assert result.said["unreported"] == result.said["overran"] == 0, str(result)
