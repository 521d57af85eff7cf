"""The text of a message: from a summary, a fallback and a target URL to what the user reads."""

from __future__ import annotations

from typing import NamedTuple

SUMMARY_LIMIT = 180
"""Characters of a summary that are shown."""

DEFAULT_TEXT = "我为你生成了一份日程调整建议，请回到系统确认是否应用。"
"""What the user reads when the producer gave neither a usable summary nor a fallback."""


class MessageText(NamedTuple):
    text: str
    fallback_used: bool


def message_text(*, summary: str, fallback: str, target_url: str) -> MessageText:
    """The summary, or the fallback when there is none or it has a link; the target URL on its own line if missing."""
    fallback_used = needs_fallback(summary)
    text = (fallback.strip() or DEFAULT_TEXT) if fallback_used else summary.strip()[:SUMMARY_LIMIT].strip()
    if target_url not in text:
        text = f"{text}\n{target_url}"
    return MessageText(text, fallback_used)


def needs_fallback(summary: str) -> bool:
    """Summaries are written by a model: one with a link in it is not shown, lest it lead users elsewhere."""
    lowered = summary.strip().lower()
    return not lowered or "://" in lowered or "www." in lowered
