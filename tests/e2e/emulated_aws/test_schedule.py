"""A schedule invokes its function at every tick, whatever happened at the tick before."""

from collections.abc import Callable
from pathlib import Path

from tests.e2e.emulated_aws.journal import Journal
from tests.e2e.emulated_aws.toy_deployment import Toys
from tests.e2e.emulated_aws.toy_template import function, schedule
from tests.waiting import until


def test_a_function_runs_at_every_tick(deploy: Callable[..., Toys], journal: Journal) -> None:
    """With the event that EventBridge Scheduler sends. A minute is as long as the stack says."""
    toys = deploy(
        {
            "Journal": function("journal", environment={"JOURNAL": str(journal.file)}),
            "Tick": schedule("Journal", "rate(2 minutes)"),
        }
    )
    with toys.sources(minute_seconds=0.1):
        until(lambda: len(journal.events()) >= 3)
    assert {event["detail-type"] for event in journal.events()} == {"Scheduled Event"}


def test_a_tick_that_fails_does_not_stop_the_next(deploy: Callable[..., Toys], tmp_path: Path) -> None:
    """It is tried again as Lambda does it, and reported."""
    toys = deploy(
        {
            "Journal": function("journal", environment={"JOURNAL": str(tmp_path / "no" / "such" / "directory")}),
            "Tick": schedule("Journal", "rate(1 minute)"),
        }
    )
    with toys.sources(minute_seconds=0.1):
        until(lambda: [report for report in toys.reports if "(try 3)" in report])
        tries = len(toys.reports)
        until(lambda: len(toys.reports) > tries)
    assert all("FileNotFoundError" in report for report in toys.reports)
