"""How the command ends as a process, and what it says when it is used wrongly."""

from __future__ import annotations

import subprocess

import pytest

from hongyan.command_line import app
from tests.unit.hongyan.conftest import Run, started
from tests.unit.hongyan.served_api import Kept, record


@pytest.mark.usefixtures("at_stage")
def test_a_reader_that_has_enough_is_no_error(kept: Kept) -> None:
    """As with `| head -1`."""
    kept.records = [record(number, summary_text="x" * 50) for number in range(1, 1_501)]
    command = started("records", "--all", "--json", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert command.stdout is not None
    assert command.stdout.readline().startswith('{"id": 1500')
    command.stdout.close()
    command.stdout = None
    _out, err = command.communicate(timeout=60)
    assert (command.returncode, err) == (141, "")


@pytest.mark.usefixtures("at_stage")
def test_a_terminal_that_knows_no_chinese_gets_escapes(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    kept.records = [record(1)]
    command = started("records", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = command.communicate(timeout=60)
    assert (command.returncode, err) == (0, "")
    assert r"\u65e9\u4e0a\u597d" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("records --statu dead", "No such option: --statu"),
        ("records --status gone", "'gone' is not one of 'pending'"),
        ("records --since yesterday", "Invalid value for '--since': write a time such as 2h"),
        ("records --limit 0", "Invalid value for '--limit'"),
        ("record", "Missing argument"),
        ("record x", "Invalid value"),
        ("gone", "No such command 'gone'"),
    ],
)
def test_wrong_usage_is_one_line_that_names_the_option(arguments: str, words: str, hongyan: Run) -> None:
    said = hongyan(*arguments.split())
    assert (said.code, said.out) == (2, "")
    (line,) = said.err.splitlines()
    assert words in line
    assert line.endswith("--help)")


@pytest.mark.parametrize(
    "command",
    ["", "records", "record", "counts", "rejects", "reject", "redrive", "replay", "audit", "publish"]
    + [f"channel {verb}" for verb in ("show", "save", "delete", "test")],
)
def test_help_teaches_by_example(command: str, hongyan: Run) -> None:
    said = hongyan(*command.split(), "--help")
    assert said.code == 0
    assert f" hongyan {command}".rstrip() + " " in said.out.partition("Usage:")[2].partition("\n")[2]


def test_completion_can_be_installed() -> None:
    assert app._add_completion
