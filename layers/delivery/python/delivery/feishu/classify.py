"""What an answer of Feishu means: tables, and the one function that reads them (DESIGN section 8)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from delivery.domain.outcome import Delivered, ErrorCode, Exchange, Outcome, PermanentFailure, TemporaryFailure

if TYPE_CHECKING:
    from collections.abc import Mapping

TEMPORARY, PERMANENT = TemporaryFailure, PermanentFailure
Verdict = tuple[type[TemporaryFailure] | type[PermanentFailure], ErrorCode]

_RATE_LIMITED: Verdict = TEMPORARY, ErrorCode.RATE_LIMITED
_AUTH_FAILED: Verdict = PERMANENT, ErrorCode.AUTH_FAILED

BY_STATUS: Mapping[int, Verdict] = {429: _RATE_LIMITED, 401: _AUTH_FAILED, 403: _AUTH_FAILED}
"""HTTP statuses with a meaning of their own; other 5xx are temporary, other 3xx and 4xx permanent."""

BY_CODE: Mapping[int, Verdict] = {
    # Feishu open platform, "Custom bot usage guide"
    11232: _RATE_LIMITED,
    19001: _AUTH_FAILED,
    19021: _AUTH_FAILED,
    19022: _AUTH_FAILED,
    # Feishu open platform, "Generic error codes" and "Send message"
    99991400: _RATE_LIMITED,
    230020: _RATE_LIMITED,
    # Feishu open platform, "Base automation: webhook trigger"
    800005652: _RATE_LIMITED,
    800005649: _AUTH_FAILED,
    800005650: _AUTH_FAILED,
}
"""Business codes that come in the body, mostly with HTTP 200; any other one but 0 is a payload that Feishu refuses."""

_SHOWN = 200
_DIGITS = re.compile(r"\d{1,18}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back: status, header names in lower case, and the body, cut."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    #: The body was longer than we read: it is no answer of Feishu's.
    cut: bool = False


def classify(answer: Answer, *, message_id: str, exchange: Exchange) -> Outcome:
    """The outcome of a call that was answered. Total: any status and any bytes have one."""
    body = _body(answer)
    verdict = _verdict(answer, body)
    if verdict is None:
        return Delivered(provider_message_id=message_id, exchange=exchange)
    kind, code = verdict
    reason = _reason(answer, body)
    if kind is TemporaryFailure:
        return TemporaryFailure(code=code, reason=reason, retry_after=asked_wait(answer.headers), exchange=exchange)
    return PermanentFailure(code=code, reason=reason, exchange=exchange)


def asked_wait(headers: Mapping[str, str]) -> timedelta | None:
    """How long Feishu asks to wait, in whole seconds (`Retry-After`, `x-ogw-ratelimit-reset`); dates are not used."""
    for name in ("retry-after", "x-ogw-ratelimit-reset"):
        value = headers.get(name, "").strip()
        if value.isascii() and value.isdigit() and len(value) <= 6:  # noqa: PLR2004 - eleven days; more is no wait
            return timedelta(seconds=int(value))
    return None


def _verdict(answer: Answer, body: Any) -> Verdict | None:  # noqa: ANN401 - any JSON
    """The row of the tables that this answer falls under; None is success."""
    code = business_code(body)
    if code is not None and code in BY_CODE:
        return BY_CODE[code]
    if answer.status in BY_STATUS:
        return BY_STATUS[answer.status]
    if answer.status >= 500:  # noqa: PLR2004 - HTTP
        return TEMPORARY, ErrorCode.SERVER_ERROR
    if not 200 <= answer.status < 300:  # noqa: PLR2004 - HTTP
        return PERMANENT, ErrorCode.PAYLOAD_INVALID
    if answer.cut or body is _BROKEN:
        return TEMPORARY, ErrorCode.NETWORK
    return None if code == 0 else (PERMANENT, ErrorCode.PAYLOAD_INVALID)


def business_code(body: Any) -> int | None:  # noqa: ANN401 - any JSON
    """`code`, or the older `StatusCode`; 0 if the body has neither, None if it is something else than a number."""
    if not isinstance(body, dict):
        return 0
    code = body.get("code", body.get("StatusCode", 0))
    if isinstance(code, str) and _DIGITS.fullmatch(code):
        return int(code)
    return code if isinstance(code, int) and not isinstance(code, bool) else None


_BROKEN = object()


def _body(answer: Answer) -> Any:  # noqa: ANN401 - any JSON
    if not answer.body.strip():
        return {}
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        return _BROKEN


def _reason(answer: Answer, body: Any) -> str:  # noqa: ANN401 - any JSON
    said = body.get("msg", body.get("StatusMessage", "")) if isinstance(body, dict) else "the body is no JSON"
    code = business_code(body) if isinstance(body, dict) else None
    # JSON may hold half a surrogate pair, which MySQL and logs do not take.
    shown = said[:_SHOWN].encode("utf-8", "replace").decode() if isinstance(said, str) else "-"
    return f"Feishu answered HTTP {answer.status}, code {code if code is not None else '-'}: {shown}"
