"""The text of a message: what the user reads, made from a summary, a fallback and a target URL."""

from __future__ import annotations

from typing import NamedTuple, Protocol

SUMMARY_LIMIT = 180
"""Characters of a summary that are shown."""

DEFAULT_TEXT = "我为你生成了一份日程调整建议，请回到系统确认是否应用。"
"""What the user reads when the producer gave neither a usable summary nor a fallback."""


class Texts(Protocol):
    """An event's payload or a record's attempt. Both carry the texts that the producer wrote."""

    @property
    def summary_text(self) -> str: ...

    @property
    def fallback_text(self) -> str: ...

    @property
    def target_url(self) -> str: ...


class MessageText(NamedTuple):
    text: str
    #: Whether the text is not the summary (column `fallback_used`).
    fallback_used: bool


def message_text(written: Texts) -> MessageText:
    """The summary, or the fallback if the summary is empty or has a link. Adds the target URL on a line if missing."""
    fallback_used = _needs_fallback(written.summary_text)
    if fallback_used:
        text = written.fallback_text.strip() or DEFAULT_TEXT
    else:
        text = written.summary_text.strip()[:SUMMARY_LIMIT].strip()
    if written.target_url not in text:
        text = f"{text}\n{written.target_url}"
    return MessageText(text, fallback_used)


def private_lines(written: Texts) -> tuple[str, ...]:
    """The message's lines that are private to its user, one by one: an answer may repeat them with other line ends."""
    return tuple(line for line in message_text(written).text.splitlines() if line and line != written.target_url)


def _needs_fallback(summary: str) -> bool:
    """A model writes the summaries, so a link in one may lead anywhere and the summary is not shown."""
    lowered = summary.strip().lower()
    return not lowered or "://" in lowered or "www." in lowered
