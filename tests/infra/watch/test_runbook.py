"""docs/runbook.md explains each alarm by its name, and none that is gone."""

import re

import pytest

from cdk.settings.context import ROOT
from tests.infra import watched
from tests.infra.conftest import Synthesis
from tests.infra.templates import Template


@pytest.fixture
def whole(synth: Synthesis) -> Template:
    """With all that a stage may have to watch."""
    return synth("dev", {"api": {"tokens": {"new_user_pool": True}}})


def chapters() -> dict[str, str]:
    """The alarms' headings, each with what stands below it."""
    text = (ROOT / "docs" / "runbook.md").read_text()
    parts = re.split(r"^### (\S+)$", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_every_alarm_has_its_heading_and_every_heading_its_alarm(whole: Template) -> None:
    """By the name that the message carries."""
    assert sorted(chapters()) == sorted(watched.alarms(whole))


@pytest.mark.parametrize("name", chapters())
def test_every_alarm_is_explained(name: str) -> None:
    """What it means, what to look at, what to do."""
    assert re.findall(r"^\*\*(.+?)\.\*\*", chapters()[name], flags=re.MULTILINE) == ["Means", "Look", "Do"]


def test_an_alarm_says_where_it_is_explained(whole: Template) -> None:
    """In the mail, before anything is opened."""
    for name, alarm in watched.alarms(whole).items():
        assert alarm["AlarmDescription"].endswith(f"See docs/runbook.md, {name}.")
