"""Finds the local stack of the checkout that one works in, and gets tokens from it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hongyan.failure import Failure

_HOME = Path(".local")
_ENDPOINTS = _HOME / "endpoints.json"
#: The path of Feishu's Flow triggers.
_WEBHOOK_PATH = "/flow/api/trigger-webhook/"
_TOKEN_WITHIN_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalStack:
    checkout: Path
    endpoints: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401 - JSON
        if name not in self.endpoints:
            raise Failure(f"the local stack has no {name}: end it with `make down`, start it again with `make up`")
        return self.endpoints[name]

    def token(self, *, user_id: int, is_operator: bool) -> str:
        """Asks the stack's own issuer for a token."""
        whose = ["--user", str(user_id), *(["--operator"] if is_operator else [])]
        command = [self._python(), "-m", "local", "--home", str(self.checkout / _HOME), "token", *whose]
        try:
            done = subprocess.run(  # noqa: S603 - runs this checkout
                command, cwd=self.checkout, capture_output=True, text=True, check=False, timeout=_TOKEN_WITHIN_SECONDS
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise Failure(f"`python -m local token` gave no token: {type(error).__name__}") from None
        if done.returncode:
            raise Failure(f"`python -m local token` gave no token: {(done.stderr.splitlines() or ['?'])[-1]}")
        return done.stdout.strip()

    def webhook_url(self, user_id: int) -> str:
        """A webhook URL of the Feishu simulator."""
        return f"{self['feishu_url']}{_WEBHOOK_PATH}local-user-{user_id}"

    def _python(self) -> str:
        own = self.checkout / ".venv" / "bin" / "python"
        return str(own) if own.exists() else sys.executable


def find_local_stack(begin: Path) -> LocalStack | None:
    """Looks in this directory and those above it."""
    for directory in (begin, *begin.parents):
        try:
            endpoints = json.loads((directory / _ENDPOINTS).read_text())
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            continue
        except ValueError:
            raise Failure(f"{directory / _ENDPOINTS}: cannot be read; start the stack again with `make up`") from None
        return LocalStack(checkout=directory, endpoints=endpoints)
    return None
