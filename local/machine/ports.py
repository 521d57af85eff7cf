"""Finds free TCP ports on 127.0.0.1. A checkout keeps its ports between runs unless another program takes them."""

import json
import os
import random
import socket
from collections.abc import Iterable
from pathlib import Path

# Below the ephemeral ports of Linux and macOS.
CANDIDATES = range(20_000, 32_000)
_TRIES = 200


def free_port(*, other_than: Iterable[int] = ()) -> int:
    """A random port that nobody listens on: two checkouts that start at once are unlikely to choose the same."""
    taken = set(other_than)
    for _ in range(_TRIES):
        port = random.choice(CANDIDATES)
        if port not in taken and is_free(port):
            return port
    raise OSError(f"no free port found between {CANDIDATES.start} and {CANDIDATES.stop}")


def is_free(port: int) -> bool:
    with socket.socket() as candidate:
        # Connections in TIME_WAIT, which an ended server leaves behind, do not prevent a new one from listening.
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def remembered_ports(file: Path, names: Iterable[str]) -> dict[str, int]:
    """A port for each name: the one in `file` if it is free, otherwise a new one, which is written to the file."""
    known = _read(file)
    ports: dict[str, int] = {}
    for name in names:
        port = known.get(name)
        usable = port is not None and port not in ports.values() and is_free(port)
        ports[name] = port if port is not None and usable else free_port(other_than={*ports.values(), *known.values()})
    _write(file, known | ports)
    return ports


def _read(file: Path) -> dict[str, int]:
    """Ignores whatever is not a port: the file may be truncated or edited by hand."""
    try:
        known = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(known, dict):
        return {}
    return {name: port for name, port in known.items() if type(port) is int and 0 < port < 65_536}


def _write(file: Path, ports: dict[str, int]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    written = file.with_name(f"{file.name}.{os.getpid()}")
    written.write_text(json.dumps(ports, indent=2) + "\n")
    written.replace(file)
