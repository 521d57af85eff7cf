"""What an answer of Feishu means: tables from a status or a business code to an outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from delivery.domain.outcome import Delivered, ErrorCode, Exchange, Outcome, PermanentFailure, TemporaryFailure
from delivery.feishu.answer import Answer

Meaning = Callable[[Answer, Exchange], Outcome]


def _temporary(code: ErrorCode) -> Meaning:
    return lambda answer, exchange: TemporaryFailure(
        code=code, reason=answer.reason, retry_after=answer.asked_wait, exchange=exchange
    )


def _permanent(code: ErrorCode) -> Meaning:
    return lambda answer, exchange: PermanentFailure(code=code, reason=answer.reason, exchange=exchange)


rate_limited = _temporary(ErrorCode.RATE_LIMITED)
server_error = _temporary(ErrorCode.SERVER_ERROR)
timed_out = _temporary(ErrorCode.TIMEOUT)
#: Something on the way answered, not Feishu.
broken_answer = _temporary(ErrorCode.NETWORK)
#: Feishu refused for a reason that we do not know. Nothing was shown to the user, so another try is safe.
refused = _temporary(ErrorCode.REFUSED)
credentials_refused = _permanent(ErrorCode.AUTH_FAILED)
channel_refused = _permanent(ErrorCode.CHANNEL_REFUSED)
message_refused = _permanent(ErrorCode.PAYLOAD_INVALID)


def bad_or_too_many(answer: Answer, exchange: Exchange) -> Outcome:
    """9499 is the generic "Bad Request", but also the bot's "too many request"."""
    meaning = rate_limited if "too many request" in answer.words.lower() else message_refused
    return meaning(answer, exchange)


BY_STATUS: Mapping[int, Meaning] = {
    401: credentials_refused,
    403: credentials_refused,
    408: timed_out,
    425: timed_out,
    429: rate_limited,
}
"""HTTP statuses with a meaning of their own; other 5xx are temporary, other 3xx and 4xx permanent."""

BY_CODE: Mapping[int, Meaning] = {
    # Feishu open platform, "Custom bot usage guide" ("Use custom bots in a group")
    9499: bad_or_too_many,
    10002: message_refused,
    11232: rate_limited,
    11246: message_refused,
    19001: credentials_refused,
    19002: message_refused,
    19007: channel_refused,
    19021: credentials_refused,
    19022: credentials_refused,
    19024: message_refused,
    # Feishu open platform, "Generic error codes" and "Frequency control"
    1663: server_error,
    2200: server_error,
    300000: server_error,
    99991400: rate_limited,
    # Feishu open platform, "Send message"
    230001: message_refused,
    230002: channel_refused,
    230006: channel_refused,
    230013: channel_refused,
    230020: rate_limited,
    230022: message_refused,
    230025: message_refused,
    230027: channel_refused,
    230028: message_refused,
    230029: channel_refused,
    230034: channel_refused,
    230038: channel_refused,
    230049: server_error,
    230053: channel_refused,
    230099: message_refused,
    232009: channel_refused,
    # Feishu help centre, "Automation: webhook parameters in detail"; the Flow trigger answers in the same shape
    800004509: channel_refused,
    800005646: message_refused,
    800005647: message_refused,
    800005649: credentials_refused,
    800005650: credentials_refused,
    800005652: rate_limited,
    800006003: message_refused,
}
"""Business codes, which come in the body, mostly with HTTP 200. With a success, any other code but 0 is `refused`."""


def classify(answer: Answer, *, message_id: str, exchange: Exchange) -> Outcome:
    """The outcome of a call that was answered. Every status with any bytes has one."""
    if answer.broken_off:
        return replace(answer.broken_off, exchange=exchange)
    meaning = _failure(answer)
    return meaning(answer, exchange) if meaning else Delivered(provider_message_id=message_id, exchange=exchange)


def _failure(answer: Answer) -> Meaning | None:
    if answer.code is not None and answer.code in BY_CODE:
        return BY_CODE[answer.code]
    if answer.status in BY_STATUS:
        return BY_STATUS[answer.status]
    if answer.status >= 500:  # noqa: PLR2004 - HTTP
        return server_error
    if answer.status >= 300:  # noqa: PLR2004 - HTTP
        return message_refused
    if answer.is_broken or answer.status < 200:  # noqa: PLR2004 - HTTP
        return broken_answer
    return None if answer.code == 0 else refused
