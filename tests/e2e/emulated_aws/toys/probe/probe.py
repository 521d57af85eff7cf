"""A toy function that does as its event says, and tells what it sees."""

from __future__ import annotations

import importlib
import os
import sys
import time
from pathlib import Path
from typing import Any

time.sleep(float(os.environ.get("IMPORT_SECONDS", "0")))
if "IMPORT_FAILS" in os.environ:
    raise ValueError("as asked for")


def handler(event: dict[str, Any], context: Any) -> Any:
    match event:
        case {"sleep": seconds}:
            time.sleep(seconds)
        case {"raise": message}:
            raise ValueError(message)
        case {"exit": code}:
            os._exit(code)
        case {"answer_of_bytes": size}:
            return "x" * size
        case {"import": name}:
            return _import(name)
    return {
        "pid": os.getpid(),
        "environment": dict(os.environ),
        "path": sys.path,
        "directory": str(Path.cwd()),
        "memory": context.memory_limit_in_mb,
        "milliseconds_left": context.get_remaining_time_in_millis(),
    }


def _import(name: str) -> str:
    try:
        return f"from {getattr(importlib.import_module(name), '__file__', None)}"
    except ImportError:
        return "not there"
