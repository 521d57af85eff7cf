"""The text that a user reads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.domain.message import MessageText, message_text, private_lines
from tests.unit.samples import attempt

URL = "/assistant/preview/pv-1"
DEFAULT = "我为你生成了一份日程调整建议，请回到系统确认是否应用。"


def shown(*, summary: str, fallback: str) -> MessageText:
    return message_text(attempt(summary_text=summary, fallback_text=fallback, target_url=URL))


def test_the_summary_is_the_text_and_the_url_follows_on_its_own_line() -> None:
    """The usual message."""
    text = shown(summary=" 改到周四。 ", fallback="备用")
    assert text == (f"改到周四。\n{URL}", False)


@pytest.mark.parametrize("summary", ["", "  \n", "看 https://evil.example", "ftp://x", "WWW.evil.example", "a://"])
def test_a_summary_that_is_empty_or_holds_a_link_gives_way_to_the_fallback(summary: str) -> None:
    """Summaries are written by a model; a link in one may lead anywhere."""
    assert shown(summary=summary, fallback=" 备用 ") == (f"备用\n{URL}", True)


@pytest.mark.parametrize("fallback", ["", " \n"])
def test_without_a_fallback_the_default_is_shown(fallback: str) -> None:
    """The user always reads a sentence."""
    assert shown(summary="", fallback=fallback) == (f"{DEFAULT}\n{URL}", True)


@pytest.mark.parametrize(("length", "kept"), [(179, 179), (180, 180), (181, 180), (5_000, 180)])
def test_a_summary_is_cut_at_180_characters(length: int, kept: int) -> None:
    """Characters, not bytes."""
    text = shown(summary="字" * length, fallback="").text
    assert text == "字" * kept + f"\n{URL}"


def test_a_fallback_is_not_cut() -> None:
    """Only the summary is written by a model."""
    assert shown(summary="", fallback="字" * 500).text == "字" * 500 + f"\n{URL}"


def test_the_url_is_not_repeated() -> None:
    """A text that names the page already is left as it is."""
    assert shown(summary=f"请看 {URL} 。", fallback="").text == f"请看 {URL} 。"


@given(st.text(), st.text())
def test_the_url_is_always_shown_and_the_text_is_never_empty(summary: str, fallback: str) -> None:
    """Whatever the producer wrote."""
    text = shown(summary=summary, fallback=fallback).text
    assert URL in text
    assert text.strip() != ""


def test_what_is_private_of_a_message_are_its_lines_without_the_page() -> None:
    """The page's path says nothing of the user, and empty lines say nothing at all."""
    written = attempt(summary_text="周三\n\n改到周四", fallback_text="", target_url=URL)
    assert private_lines(written) == ("周三", "改到周四")
