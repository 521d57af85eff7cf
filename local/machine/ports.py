"""Free TCP ports on 127.0.0.1; a checkout keeps those it chose once, as long as nobody else took them."""

import json
import os
import random
import socket
from collections.abc import Iterable
from pathlib import Path

# Below the range from which Linux and macOS take the local end of outgoing connections.
CANDIDATES = range(20_000, 32_000)
_TRIES = 200


def free_port(*, other_than: Iterable[int] = ()) -> int:
    """A port nobody listens on; chosen at random, so that two checkouts starting at once do not meet."""
    taken = set(other_than)
    for _ in range(_TRIES):
        port = random.choice(CANDIDATES)
        if port not in taken and is_free(port):
            return port
    raise OSError(f"no free port found between {CANDIDATES.start} and {CANDIDATES.stop}")


def is_free(port: int) -> bool:
    with socket.socket() as candidate:
        # A server that ended a moment ago leaves connections in TIME_WAIT, which do not keep a new one from listening.
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def remembered_ports(file: Path, names: Iterable[str]) -> dict[str, int]:
    """A port for each name: the one in `file` while it is free, a new one otherwise; the file is brought up to date."""
    known = _read(file)
    ports: dict[str, int] = {}
    for name in names:
        port = known.get(name)
        usable = port is not None and port not in ports.values() and is_free(port)
        ports[name] = port if port is not None and usable else free_port(other_than={*ports.values(), *known.values()})
    _write(file, known | ports)
    return ports


def _read(file: Path) -> dict[str, int]:
    """What is not a port (a file cut short, or edited by hand) counts as not remembered."""
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
