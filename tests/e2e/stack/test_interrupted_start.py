"""A start of the local stack that is interrupted leaves nothing behind."""

import signal

import pytest

from tests.e2e.stack.stack_processes import all_gone, starting
from tests.waiting import until


@pytest.mark.parametrize(
    ("moment", "number"),
    [("Feishu simulator is up", signal.SIGINT), ("tables are up to date", signal.SIGTERM)],
)
def test_an_interrupted_start_leaves_nothing(moment: str, number: signal.Signals) -> None:
    """No process, no lock, no endpoints, whatever was on its way."""
    with starting("interrupted") as stack:
        until(lambda: moment in stack.said(), within=200)
        processes = stack.processes()
        stack.popen.send_signal(number)
        assert stack.popen.wait(60) == 0, stack.said()
        until(lambda: all_gone(processes))
        assert stack.endpoints() == {}
        down = stack.run("down")
        assert (down.returncode, down.stdout) == (0, "hongyan: no local stack is up in this checkout\n")
