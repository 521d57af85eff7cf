"""The data key is rotated, and what is stored is sealed anew, answer by answer."""

from __future__ import annotations

import json

import pytest

from tests.unit.hongyan.conftest import Run
from tests.unit.hongyan.served_api import Kept

pytestmark = pytest.mark.usefixtures("at_stage")


def test_a_key_is_made_only_after_a_question(hongyan: Run, kept: Kept) -> None:
    said = hongyan("keys", "rotate")
    assert (said.code, said.err) == (
        2,
        "hongyan: make a new data key? Nobody can answer without a terminal: give --yes\n",
    )
    assert kept.keys == []
    said = hongyan("keys", "rotate", "--yes")
    assert (said.code, said.out) == (0, "data key 1 seals from now on; see: hongyan keys reseal\n")
    assert json.loads(hongyan("keys", "rotate", "--yes", "--json").out) == {"key_id": 2}
    assert kept.keys == ["ops@example.com"] * 2


def test_a_key_is_never_made_twice_for_one_command(hongyan: Run, kept: Kept) -> None:
    """Even if the answer got lost on its way."""
    kept.instead = [(503, b"")]
    assert hongyan("keys", "rotate", "--yes").code == 1
    assert len(kept.seen) == 1


def test_everything_is_sealed_anew_in_as_many_answers_as_it_takes(hongyan: Run, kept: Kept) -> None:
    kept.sealed = 250
    said = hongyan("keys", "reseal")
    assert (said.code, said.out, len(kept.seen)) == (0, "sealed 250 channels anew\n", 3)
    assert json.loads(hongyan("keys", "reseal", "--json").out) == {"changed": 250, "unreadable": 0}
    kept.sealed = 1
    assert hongyan("keys", "reseal").out == "sealed 1 channel anew\n"


def test_what_cannot_be_read_is_told_with_exit_code_1(hongyan: Run, kept: Kept) -> None:
    kept.sealed, kept.unreadable = 150, 2
    said = hongyan("keys", "reseal")
    assert said.code == 1
    assert said.out == "sealed 150 channels anew; 2 channels cannot be read, their users have to save them again\n"


def test_a_failure_in_the_middle_says_where_to_go_on(hongyan: Run, kept: Kept) -> None:
    kept.sealed = 250
    calls = iter((False, True, False))

    def fail_the_second() -> None:
        if next(calls, False):
            kept.instead = [(500, b'{"status": "500", "info": "internal error"}')]

    kept.before = fail_the_second
    said = hongyan("keys", "reseal")
    assert (said.code, said.err) == (1, "hongyan: refused: internal error (500); go on with --from 100\n")
    assert hongyan("keys", "reseal", "--from", "100").out == "sealed 150 channels anew\n"
