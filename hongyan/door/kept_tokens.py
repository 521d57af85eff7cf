"""Keeps an issuer's tokens between commands, in a file that only its owner may read."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

from hongyan.failure import Failure

#: A token with less time left could expire during a command.
_SOONER_SECONDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptToken:
    access_token: str = field(repr=False)
    refresh_token: str = field(default="", repr=False)
    #: Seconds since the epoch.
    ends_at: float


class TokenSource(Protocol):
    def token(self) -> KeptToken: ...

    def refreshed(self, refresh_token: str) -> KeptToken | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptTokens:
    """The tokens of one client of one issuer."""

    source: TokenSource
    file: Path
    now: Callable[[], float] = time.time

    def fetch(self, refused: bool) -> str:  # noqa: FBT001 - its only argument
        """Returns the kept token if it is valid, or else a refreshed or new one."""
        kept = self._read()
        if kept and not refused and kept.ends_at > self.now() + _SOONER_SECONDS:
            return kept.access_token
        refreshed = self.source.refreshed(kept.refresh_token) if kept and kept.refresh_token else None
        token = refreshed or self.source.token()
        self._write(token)
        return token.access_token

    def _read(self) -> KeptToken | None:
        try:
            return KeptToken(**json.loads(self.file.read_text()))
        except (OSError, ValueError, TypeError):  # no file, or one of another version
            return None

    def _write(self, token: KeptToken) -> None:
        try:
            self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle, written = tempfile.mkstemp(dir=self.file.parent)  # mode 0600
            with os.fdopen(handle, "w") as file:
                json.dump(asdict(token), file)
            Path(written).replace(self.file)
        except OSError as error:
            raise Failure(f"{self.file}: no token can be kept there: {error.strerror}; see XDG_STATE_HOME") from None


def token_file(directory: Path, *parts: str) -> Path:
    """The file's name depends on the client, scope and audience, because each combination has its own token."""
    return directory / f"{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]}.json"
