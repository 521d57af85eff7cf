"""`.local/endpoints.json` says where a running stack is. It exists as long as the stack is up."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from delivery import storage
from local.machine.processes import CannotStartError

FILE_NAME = "endpoints.json"
_OLDER = "the running local stack is older than this code: end it with `make down`, start it again with `make up`"


@contextmanager
def endpoints_file(home: Path, endpoints: Mapping[str, object]) -> Iterator[None]:
    """Writes the file atomically, and removes it at the end of the block."""
    file = home / FILE_NAME
    written = home / f".{FILE_NAME}.new"
    try:
        written.write_text(json.dumps({**endpoints, "schema": _newest_schema()}, indent=2) + "\n")
        written.replace(file)
        yield
    finally:
        written.unlink(missing_ok=True)
        file.unlink(missing_ok=True)


def read_endpoints(home: Path) -> dict[str, Any]:
    """Reads the file. Refuses a stack whose schema is not that of this checkout's code."""
    try:
        endpoints: dict[str, Any] = json.loads((home / FILE_NAME).read_text())
    except FileNotFoundError:
        raise CannotStartError("no local stack is up in this checkout; start one with: make up") from None
    if endpoints.get("schema") != _newest_schema():
        raise CannotStartError(_OLDER)
    return endpoints


def _newest_schema() -> str:
    """The newest migration in this checkout, which a stack runs when it starts. Reads file names: Alembic is slow."""
    versions = Path(storage.__file__).parent / "migrations" / "versions"
    return max(file.stem for file in versions.glob("[0-9]*.py"))
