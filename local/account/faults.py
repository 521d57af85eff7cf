"""Lets the creation of a resource fail, as a test asks for it in a file."""

import os
from pathlib import Path

#: The variable names a file with the type or logical id of a resource whose creation fails once.
FAULTS = "ACCOUNT_FAULTS"


def strike(logical_id: str, kind: str) -> None:
    file = Path(os.environ.get(FAULTS, os.devnull))
    if file.read_text() in (logical_id, kind):
        file.write_text("")
        raise RuntimeError(f"{logical_id}: this creation was told to fail")
