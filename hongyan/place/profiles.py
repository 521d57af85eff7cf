"""Reads a stage's address and issuer from the profile file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from hongyan.failure import Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A table of the profile file; docs/hongyan.md explains its keys."""

    url: str = ""
    issuer: str = ""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    scope: str = ""
    audience: str = ""


def read_profile(file: Path, name: str) -> Profile:
    known = {part.name for part in fields(Profile)}
    table = _tables(file).get(name)
    if not isinstance(table, dict):
        raise Failure(f"--profile {name}: there is no [{name}] in {file}")
    for key, value in table.items():
        if key not in known:
            raise Failure(f"{file}: [{name}] has the key {key}; known are {', '.join(sorted(known))}")
        if not isinstance(value, str):
            raise Failure(f"{file}: {key} of [{name}] should be a text in quotes")
    if table.get("client_secret") and file.stat().st_mode & 0o077:
        raise Failure(f"{file}: holds a client_secret and others may read it: chmod 600 {file}")
    return Profile(**table)


def profile_names(file: Path) -> list[str]:
    """The names for shell completion, which must never fail."""
    try:
        return sorted(_tables(file))
    except Failure:
        return []


def _tables(file: Path) -> Mapping[str, object]:
    try:
        return tomllib.loads(file.read_text())
    except FileNotFoundError:
        raise Failure(f"--profile: there is no {file}; docs/hongyan.md shows one") from None
    except OSError as error:
        raise Failure(f"{file}: {error.strerror}") from None
    except ValueError as error:
        raise Failure(f"{file}: this is no TOML: {error}") from None
