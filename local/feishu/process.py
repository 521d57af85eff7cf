"""Starts the simulator as a process of its own, as the local stack does, and ends it."""

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from local.machine.ports import free_port
from local.machine.processes import running, wait_until_ready


@contextmanager
def feishu_server(state: Path, *, port: int | None = None) -> Iterator[str]:
    """Yields the simulator's URL."""
    port = port or free_port()
    command = [sys.executable, "-m", "local.feishu", "--port", str(port)]
    with running(command, name="Feishu simulator", log=state / "feishu.log") as process:
        wait_until_ready(process, partial(_listens, port))
        yield f"http://127.0.0.1:{port}"


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        return True
    return False
