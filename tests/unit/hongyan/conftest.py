"""`hongyan` in this process or in one of its own, against an API that is served over sockets."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
import typer.main

from hongyan.command_line import main
from tests.unit.hongyan.served_api import OPERATOR, Kept, served


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    code: int
    out: str
    err: str


Run = Callable[..., Said]

#: Typer makes all commands anew at each call, which takes longer than most of them do.
_made_once = cache(typer.main.get_command)


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def url(kept: Kept) -> Iterator[str]:
    with served(kept) as address:
        yield address


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A home and a directory without anything, and no settings of whoever runs the tests. Times are Shanghai's."""
    for name in [name for name in os.environ if name.startswith(("HONGYAN_", "XDG_", "AWS_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TZ", "CST-8")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    time.tzset()
    yield tmp_path
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def at_stage(clean: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A deployed stage, by the environment."""
    monkeypatch.setenv("HONGYAN_URL", url)
    monkeypatch.setenv("HONGYAN_TOKEN", OPERATOR)
    return url


@pytest.fixture
def hongyan(clean: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """In this process."""
    monkeypatch.setattr(typer.main, "get_command", _made_once)

    def run(*arguments: str) -> Said:
        code = main(arguments)
        return Said(code=code, **dict(zip(("out", "err"), capfd.readouterr(), strict=True)))

    return run


def started(*arguments: str, **options: object) -> subprocess.Popen[str]:
    """In a process of its own."""
    command = [sys.executable, "-m", "hongyan", *arguments]
    repository = str(Path(__file__).parents[3])
    environment = {**os.environ, "PYTHONPATH": repository}
    return subprocess.Popen(command, env=environment, text=True, **options)  # type: ignore[call-overload, no-any-return]
