"""The types of the event's fields, which let nothing through that MySQL could not hold."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, ValidationInfo
from pydantic_core import PydanticCustomError

from hongyan_producer.contract.target_url import target_url_problem
from hongyan_producer.contract.times import rfc3339

BIGINT = 2**63
_TEXT_BYTES = 65_535  # MySQL's TEXT


def _absent(value: object) -> object:
    """Like the Go service, we read null as a missing field."""
    return "" if value is None else value


def _zero(value: object) -> object:
    return 0 if value is None else value


def _fits_text(value: str) -> str:
    if len(value) * 4 > _TEXT_BYTES and len(value.encode()) > _TEXT_BYTES:
        raise PydanticCustomError("text_too_long", "should hold at most 65535 bytes of UTF-8")
    return value


def _opens_a_page(url: str, info: ValidationInfo[Sequence[str]]) -> str:
    """The context of a validation is the stage's URL prefixes."""
    if problem := target_url_problem(url, info.context):
        raise PydanticCustomError("target_url", problem)
    return url


def _required(limit: int) -> StringConstraints:
    return StringConstraints(strict=True, strip_whitespace=True, min_length=1, max_length=limit)


def _optional(limit: int | None = None) -> StringConstraints:
    return StringConstraints(strict=True, strip_whitespace=True, max_length=limit)


# Constraints must stand before BeforeValidator, or they would measure the text before it is trimmed.
OptionalText = Annotated[str, _optional(), BeforeValidator(_absent)]
OptionalText64 = Annotated[str, _optional(64), BeforeValidator(_absent)]
OptionalText128 = Annotated[str, _optional(128), BeforeValidator(_absent)]
LongText = Annotated[str, _optional(), BeforeValidator(_absent), AfterValidator(_fits_text)]
OptionalInt = Annotated[int, Field(strict=True, ge=-BIGINT, lt=BIGINT), BeforeValidator(_zero)]
RequiredText64 = Annotated[str, _required(64)]
RequiredText191 = Annotated[str, _required(191)]
TargetUrl = Annotated[str, _required(255), AfterValidator(_opens_a_page)]
UserId = Annotated[int, Field(strict=True, gt=0, lt=BIGINT)]
Rfc3339 = Annotated[datetime, BeforeValidator(rfc3339)]
