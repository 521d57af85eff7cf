"""Runs the Feishu simulator in a process of its own, with every answer as late as asked for."""

import json
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from local.machine.ports import free_port
from local.machine.processes import running, wait_until_ready


@contextmanager
def slow_feishu(state: Path, *, latency: float) -> Iterator[str]:
    """Yields its origin."""
    port = free_port()
    slow = json.dumps({"kind": "slow", "delay": latency})
    command = [sys.executable, "-m", "local.feishu", "--port", str(port), "--fault", slow]
    with running(command, name="Feishu simulator", log=state / "feishu.log") as process:
        wait_until_ready(process, partial(_listening, port))
        yield f"http://127.0.0.1:{port}"


def _listening(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
