"""TCP connections that are made, name look-up included, within a time that counts for all of it together.

Also where TLS on such a connection finds the authorities that it trusts.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from time import monotonic
from typing import Any, TypedDict

_Address = tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]


class Locations(TypedDict, total=False):
    """`ssl` takes them by these names. It parses the file at once, and looks into the directory at handshakes."""

    cafile: str
    capath: str


def authorities_of(bundle: str) -> Locations:
    """The directory that the build of the layers made of this PEM file (cdk.build.authorities), or the file itself.

    All authorities of a file are parsed at each cold start. From the directory OpenSSL reads only the one that a
    server's certificate leads to. Outside the layers there is no such directory.
    """
    directory = f"{bundle}.d"
    return {"capath": directory} if Path(directory).is_dir() else {"cafile": bundle}


def connect(host: str, port: int, *, seconds: float) -> socket.socket:
    """Connects to the first of the host's addresses that answers. No address can use up the time of the others.

    Raises:
        TimeoutError: nothing answered in time.
        OSError: the name is unknown, or every address refused.
    """
    until = monotonic() + seconds
    addresses = _look_up(host, port, seconds)
    failure: OSError = TimeoutError(f"no address of {host} answered in time")
    for position, address in enumerate(addresses):
        share = (until - monotonic()) / (len(addresses) - position)
        if share <= 0:
            break
        try:
            return _connected(address, share)
        except OSError as error:
            failure = error
    raise failure


def _connected(address: _Address, seconds: float) -> socket.socket:
    family, kind, protocol, _, where = address
    made = socket.socket(family, kind, protocol)
    try:
        made.settimeout(seconds)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        made.connect(where)
    except BaseException:
        made.close()
        raise
    return made


def _look_up(host: str, port: int, seconds: float) -> Sequence[_Address]:
    """Resolves on a thread that may be left behind, because the resolver has no time-out."""
    found: Future[Sequence[_Address]] = Future()

    def ask() -> None:
        try:
            found.set_result(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except Exception as error:  # noqa: BLE001 - the waiting thread raises it again
            found.set_exception(error)

    threading.Thread(target=ask, name="name look-up", daemon=True).start()
    try:
        return found.result(timeout=seconds)
    except TimeoutError:
        raise TimeoutError(f"the name {host} was not found in time") from None
