"""`.local/endpoints.json`: where a running stack is, for clients; there as long as the stack is."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local.machine.processes import CannotStartError

FILE_NAME = "endpoints.json"


@contextmanager
def announced(home: Path, endpoints: Mapping[str, object]) -> Iterator[None]:
    """Written whole or not at all, and removed at the end of the block."""
    file = home / FILE_NAME
    written = home / f".{FILE_NAME}.new"
    try:
        written.write_text(json.dumps(endpoints, indent=2) + "\n")
        written.replace(file)
        yield
    finally:
        written.unlink(missing_ok=True)
        file.unlink(missing_ok=True)


def read_endpoints(home: Path) -> dict[str, Any]:
    try:
        endpoints: dict[str, Any] = json.loads((home / FILE_NAME).read_text())
    except FileNotFoundError:
        raise CannotStartError("no local stack is up in this checkout; start one with: make up") from None
    return endpoints
