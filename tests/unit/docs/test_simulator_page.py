"""The page about the simulator shows commands, answers and faults; each is tried on a simulator."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import urllib3

from local.endpoints_file import endpoints_file
from local.feishu import FaultKind, FeishuSimulator
from local.feishu.fault_form import as_document, parse_fault

PAGE = (Path(__file__).parents[3] / "docs" / "simulator.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(sh|json|python)\n(.*?)```", PAGE, re.DOTALL)
FAULTS = re.findall(r"^\| `(\{.*?\})` \|.*\| (yes|no) \|$", PAGE, re.MULTILINE)


def curl(command: str, url: str) -> str:
    """Does what curl would do with the few options that the page uses; not every machine has curl."""
    name, *words = shlex.split(command.replace("$FEISHU", url))
    assert name == "curl", command
    options = dict(pairwise(words))
    headers = {"Content-Type": "application/x-www-form-urlencoded"} if "-d" in words else {}
    if "-H" in options:
        field, _, value = options["-H"].partition(": ")
        headers[field] = value
    method = options.get("-X", "POST" if "-d" in words else "GET")
    [address] = [word for word in words if word.startswith(url)]
    answer = urllib3.request(method, address, body=options.get("-d"), headers=headers)
    assert answer.status == 200, answer.data
    return answer.data.decode()


def commands_with_answers() -> Iterator[tuple[str, str]]:
    """Each block of curl commands, with the answer to the last of them."""
    for (kind, commands), (next_kind, answer) in pairwise(BLOCKS):
        if kind == "sh" and commands.startswith("curl"):
            assert next_kind == "json", commands
            yield commands, answer


def test_the_commands_are_answered_as_the_page_shows() -> None:
    """One after another, as a reader would type them."""
    with FeishuSimulator() as feishu:
        for commands, shown in commands_with_answers():
            answers = [curl(command, feishu.url) for command in re.split(r"\n(?=curl)", commands)]
            assert answers[-1].strip() == shown.strip()
        assert len(list(commands_with_answers())) >= 5


def test_the_url_is_where_the_page_looks_for_it(tmp_path: Path) -> None:
    """The command that reads it prints what a stack has announced in its checkout."""
    [command] = re.findall(r"python3 -c '(.*?)'\)", PAGE)
    home = tmp_path / ".local"
    home.mkdir()
    with endpoints_file(home, {"feishu_url": "http://127.0.0.1:1"}):
        printed = subprocess.check_output([sys.executable, "-c", command], cwd=tmp_path, text=True)
    assert printed == "http://127.0.0.1:1\n"


@pytest.mark.parametrize(("written", "seen"), FAULTS)
def test_a_fault_of_the_table_can_be_set_and_is_seen_as_the_page_says(written: str, seen: str) -> None:
    """Its JSON is taken as it stands."""
    fault = parse_fault(json.loads(written))
    assert as_document(fault) == json.loads(written)
    assert fault.accepted == (seen == "yes")


def test_the_table_has_every_kind_of_fault() -> None:
    """A new kind is documented."""
    assert {json.loads(written)["kind"] for written, _ in FAULTS} == set(FaultKind)


def test_the_example_of_a_test_passes() -> None:
    """It is run as it stands."""
    [example] = [text for kind, text in BLOCKS if kind == "python"]
    exec(compile(example, "docs/simulator.md", "exec"), {})  # noqa: S102 - our own page
