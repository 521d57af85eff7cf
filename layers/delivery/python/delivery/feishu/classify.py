"""What an answer of Feishu means: tables from a status or a business code to an outcome (docs/design.md, Answers)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from delivery.domain.outcome import Delivered, ErrorCode, Exchange, Outcome, PermanentFailure, TemporaryFailure
from delivery.feishu.answer import Answer

Meaning = Callable[[Answer, Exchange], Outcome]


def rate_limited(answer: Answer, exchange: Exchange) -> Outcome:
    return _temporary(ErrorCode.RATE_LIMITED, answer, exchange)


def server_error(answer: Answer, exchange: Exchange) -> Outcome:
    return _temporary(ErrorCode.SERVER_ERROR, answer, exchange)


def broken_answer(answer: Answer, exchange: Exchange) -> Outcome:
    """Something on the way answered, not Feishu."""
    return _temporary(ErrorCode.NETWORK, answer, exchange)


def credentials_refused(answer: Answer, exchange: Exchange) -> Outcome:
    return PermanentFailure(code=ErrorCode.AUTH_FAILED, reason=answer.reason, exchange=exchange)


def message_refused(answer: Answer, exchange: Exchange) -> Outcome:
    return PermanentFailure(code=ErrorCode.PAYLOAD_INVALID, reason=answer.reason, exchange=exchange)


BY_STATUS: Mapping[int, Meaning] = {429: rate_limited, 401: credentials_refused, 403: credentials_refused}
"""HTTP statuses with a meaning of their own; other 5xx are temporary, other 3xx and 4xx permanent."""

BY_CODE: Mapping[int, Meaning] = {
    # Feishu open platform, "Custom bot usage guide"
    11232: rate_limited,
    19001: credentials_refused,
    19021: credentials_refused,
    19022: credentials_refused,
    # Feishu open platform, "Generic error codes" and "Send message"
    99991400: rate_limited,
    230020: rate_limited,
    # Feishu open platform, "Base automation: webhook trigger"
    800005652: rate_limited,
    800005649: credentials_refused,
    800005650: credentials_refused,
}
"""Business codes, which come in the body, mostly with HTTP 200. Any other code but 0 refuses the message."""


def classify(answer: Answer, *, message_id: str, exchange: Exchange) -> Outcome:
    """The outcome of a call that was answered. Every status with any bytes has one."""
    meaning = _failure(answer)
    return meaning(answer, exchange) if meaning else Delivered(provider_message_id=message_id, exchange=exchange)


def _failure(answer: Answer) -> Meaning | None:
    if answer.code is not None and answer.code in BY_CODE:
        return BY_CODE[answer.code]
    if answer.status in BY_STATUS:
        return BY_STATUS[answer.status]
    if answer.status >= 500:  # noqa: PLR2004 - HTTP
        return server_error
    if not 200 <= answer.status < 300:  # noqa: PLR2004 - HTTP
        return message_refused
    if answer.is_broken:
        return broken_answer
    return None if answer.code == 0 else message_refused


def _temporary(code: ErrorCode, answer: Answer, exchange: Exchange) -> TemporaryFailure:
    return TemporaryFailure(code=code, reason=answer.reason, retry_after=answer.asked_wait, exchange=exchange)
