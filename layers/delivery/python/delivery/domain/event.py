"""The fields of an event and their rules, which let nothing through that MySQL could not hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError
from pydantic_core import PydanticCustomError

BIGINT = 2**63
_TEXT_BYTES = 65_535  # MySQL's TEXT
_WITHOUT_ZONE = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?", re.ASCII)
_RFC3339 = re.compile(rf"{_WITHOUT_ZONE.pattern}([Zz]|[+-]\d{{2}}:\d{{2}})", re.ASCII)
_AN_RFC3339_TIME = "an RFC 3339 time, such as 2026-01-31T08:00:00+08:00"
# MySQL's DATETIME, less a day on either side for the time zone.
_FIRST_DAY, _LAST_DAY = datetime(1000, 1, 2), datetime(9999, 12, 31)  # noqa: DTZ001 - compared without a zone
_ONE_LINE = 300
#: What pydantic says of a field (by the kind of error), as a producer would say it.
_PLAIN_WORDS: Mapping[str, str] = {
    "missing": "is missing",
    "dict_type": "should be a JSON object",
    "string_type": "should be a string",
    "string_too_short": "should not be empty",
    "int_type": "should be a whole number, without quotes",
    "less_than": "should be a number of 64 bits at most",
    "greater_than_equal": "should be a number of 64 bits at most",
}


def _absent(value: object) -> object:
    """The Go service reads null as a field that was not given, and so do we."""
    return "" if value is None else value


def _zero(value: object) -> object:
    return 0 if value is None else value


def _fits_text(value: str) -> str:
    if len(value) * 4 > _TEXT_BYTES and len(value.encode()) > _TEXT_BYTES:
        raise PydanticCustomError("text_too_long", "should hold at most 65535 bytes of UTF-8")
    return value


def _rfc3339(value: object) -> datetime:
    if not isinstance(value, str):
        raise PydanticCustomError("rfc3339", f"should be {_AN_RFC3339_TIME}, in quotes")
    if _WITHOUT_ZONE.fullmatch(value.strip()):
        raise PydanticCustomError(
            "rfc3339", "should have a time zone, Z or +08:00 at its end: only the zone is missing"
        )
    if not _RFC3339.fullmatch(value.strip()):
        raise PydanticCustomError("rfc3339", f"should be {_AN_RFC3339_TIME}")
    return _in_utc(value.strip().upper())


def _in_utc(words: str) -> datetime:
    try:
        moment = datetime.fromisoformat(words)
    except ValueError:
        raise PydanticCustomError("rfc3339", "should be a time that exists") from None
    if moment.year == 1:
        raise PydanticCustomError("zero_time", "should not be the zero time")
    if not _FIRST_DAY < moment.replace(tzinfo=None) < _LAST_DAY:
        raise PydanticCustomError("rfc3339", "should be in the years from 1000 to 9999")
    return moment.astimezone(UTC)


def _required(limit: int) -> StringConstraints:
    return StringConstraints(strict=True, strip_whitespace=True, min_length=1, max_length=limit)


def _optional(limit: int | None = None) -> StringConstraints:
    return StringConstraints(strict=True, strip_whitespace=True, max_length=limit)


# Constraints stand before BeforeValidator: after it they would measure the text before it is trimmed.
OptionalText = Annotated[str, _optional(), BeforeValidator(_absent)]
OptionalText64 = Annotated[str, _optional(64), BeforeValidator(_absent)]
OptionalText128 = Annotated[str, _optional(128), BeforeValidator(_absent)]
OptionalInt = Annotated[int, Field(strict=True, ge=-BIGINT, lt=BIGINT), BeforeValidator(_zero)]
LongText = Annotated[str, _optional(), BeforeValidator(_absent), AfterValidator(_fits_text)]


class Envelope(BaseModel):
    """The envelope of every event on the topic, ours or another service's."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    outbox_id: OptionalInt = 0
    event_id: OptionalText = ""
    event_type: OptionalText = ""
    event_version: OptionalText = ""
    service_name: OptionalText = ""
    aggregate_id: OptionalText = ""
    payload: dict[str, Any]


class Payload(BaseModel):
    """`notification.feishu.requested`, version 1."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    notification_id: OptionalInt = 0
    user_id: Annotated[int, Field(strict=True, gt=0, lt=BIGINT)]
    trigger_id: OptionalText64 = ""
    trigger_type: OptionalText64 = ""
    target_type: OptionalText64 = ""
    preview_id: Annotated[str, _required(64)]
    target_id: OptionalInt = 0
    dedupe_key: Annotated[str, _required(191)]
    target_url: Annotated[str, _required(255)]
    summary_text: LongText = ""
    fallback_text: LongText = ""
    trace_id: OptionalText128 = ""
    requested_at: Annotated[datetime, BeforeValidator(_rfc3339)]


def reasons(error: ValidationError) -> str:
    """Every broken rule, `field: rule; field: rule`. Values are left out: they may be private."""
    broken = (
        f"{'.'.join(str(part) for part in detail['loc']) or 'payload'}: {_rule(detail['type'], detail['msg'])}"
        for detail in error.errors(include_url=False, include_context=False, include_input=False)
    )
    return "; ".join(broken)


def _rule(kind: str, message: str) -> str:
    shown = _PLAIN_WORDS.get(kind, message[:_ONE_LINE])
    return shown.removeprefix("Input ").removeprefix("String ").removeprefix("Value error, ")
