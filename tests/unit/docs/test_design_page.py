"""docs/design.md has every code that is stored or that Feishu sends, and no other."""

import re
from pathlib import Path

from delivery.domain.contract import RejectCode
from delivery.domain.outcome import ErrorCode
from delivery.domain.record import Status
from delivery.feishu.classify import BY_CODE

PAGE = (Path(__file__).parents[3] / "docs" / "design.md").read_text()


def chapter(name: str) -> str:
    return PAGE.partition(f"\n## {name}\n")[2].partition("\n## ")[0]


def test_feishus_codes_are_in_the_table_of_answers() -> None:
    """All that `classify` knows."""
    told = {int(number) for number in re.findall(r"\b\d{4,}\b", chapter("Answers"))}
    assert told == set(BY_CODE)


def test_the_codes_that_are_stored_are_explained() -> None:
    """In the table of answers; under the states those that no answer has."""
    told = set(re.findall(r"\| `(\w+)` \|$", chapter("Answers"), re.MULTILINE))
    without_an_answer = {ErrorCode.LEASE_EXPIRED, ErrorCode.HELD}
    assert told | without_an_answer == set(ErrorCode)
    assert all(f"`{code}`" in chapter("States") for code in without_an_answer)


def test_reject_codes_and_states_are_explained() -> None:
    """In the tables of events and of states."""
    assert set(re.findall(r"\| `(\w+)` \|$", chapter("Event"), re.MULTILINE)) == set(RejectCode)
    assert set(re.findall(r"`(\w+)` \| (?:now|NULL)", chapter("States"))) == set(Status)
