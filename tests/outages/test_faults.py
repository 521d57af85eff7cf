"""MySQL breaks in the middle of 800 sends: nothing is lost, nothing arrives twice.

`make outages` runs every fault, with 15,000 sends; tests/e2e/test_mysql_outage.py stops MySQL under the whole stack.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.outages.run import Plan, run


@pytest.mark.parametrize(("fault", "seconds"), [("kill", 3), ("read-only", 5), ("row-lock", 6)])
def test_an_outage_loses_nothing_and_doubles_nothing(fault: str, seconds: float, tmp_path: Path) -> None:
    """Leases end within the longest of them, which is when a message would be sent again."""
    plan = Plan(fault=fault, records=800, senders=2, seconds=seconds, lease_seconds=11, invocation_seconds=10)
    result = run(plan, tmp_path)
    assert (result.sent, result.lost, result.doubled) == (800, 0, 0), str(result)
    assert result.said["unreported"] == result.said["overran"] == 0, str(result)
