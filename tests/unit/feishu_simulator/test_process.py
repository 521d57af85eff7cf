"""The simulated Feishu as a process of its own."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import urllib3

from local.feishu.__main__ import main
from tests.unit.feishu_simulator.messages import body


@contextmanager
def started(*arguments: str) -> Iterator[str]:
    command = [sys.executable, "-m", "local.feishu", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.fullmatch(r"Feishu simulator on (http://127\.0\.0\.1:\d+)\n", process.stdout.readline())
        try:
            assert found
            yield found[1]
        finally:
            process.terminate()


def test_it_serves_with_the_faults_given_to_it() -> None:
    """It prints its URL as soon as it listens."""
    with started("--fault", '{"kind": "rate_limited"}') as url:
        address = f"{url}/flow/api/trigger-webhook/key-1"
        answer = urllib3.request("POST", address, body=body(), headers={"Content-Type": "application/json"})
        assert answer.json()["code"] == 11232
        assert urllib3.request("GET", f"{url}/_calls/summary").json()["calls"] == 1


def test_a_port_that_is_taken_is_named_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and no traceback."""
    with started() as url:
        port = url.rpartition(":")[2]
        assert main(["--port", port]) == 2
    assert capsys.readouterr().err.startswith(f"feishu simulator: cannot listen on 127.0.0.1 port {port}: ")


def test_a_fault_that_makes_no_sense_is_named_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """It does not start to listen."""
    with pytest.raises(SystemExit):
        main(["--fault", '{"kind": "slow"}'])
    assert "delay: should be given in seconds, above 0, for kind slow" in capsys.readouterr().err
