"""The types of the event's fields, which let nothing through that MySQL could not hold.

What `json_schema_extra` says is for docs/event.schema.json alone: rules that pydantic checks in Python.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, ValidationInfo
from pydantic_core import PydanticCustomError

from hongyan_producer.contract.target_url import URL_PREFIXES, target_url_problem
from hongyan_producer.contract.times import RFC3339, rfc3339

BIGINT = 2**63
#: The key of the validation's context under which the stage's prefixes are.
PREFIXES_IN_CONTEXT = "url_prefixes"
_TEXT_BYTES = 65_535  # MySQL's TEXT


def _absent(value: object) -> object:
    """The Go service reads null as a field that was not given, and so do we."""
    return "" if value is None else value


def _zero(value: object) -> object:
    return 0 if value is None else value


def _fits_text(value: str) -> str:
    if len(value) * 4 > _TEXT_BYTES and len(value.encode()) > _TEXT_BYTES:
        raise PydanticCustomError("text_too_long", "should hold at most 65535 bytes of UTF-8")
    return value


def _opens_a_page(url: str, info: ValidationInfo) -> str:
    prefixes = (info.context or {}).get(PREFIXES_IN_CONTEXT, URL_PREFIXES)
    if problem := target_url_problem(url, prefixes):
        raise PydanticCustomError("target_url", problem)
    return url


def _required(limit: int) -> StringConstraints:
    return StringConstraints(strict=True, strip_whitespace=True, min_length=1, max_length=limit)


def _optional(limit: int | None = None) -> StringConstraints:
    return StringConstraints(strict=True, strip_whitespace=True, max_length=limit)


def _or_null(schema: dict[str, Any]) -> None:
    schema["type"] = [schema["type"], "null"]


_OR_NULL = Field(json_schema_extra=_or_null)
_NOT_BLANK = Field(json_schema_extra={"pattern": r"\S"})
#: Stricter than the rule, which decodes a path until nothing changes: a pattern cannot.
_PAGE = (
    r"^(?!.*://)(?![^?#]*%(?:25|2[eEfF]|5[cC]|[01][0-9a-fA-F]|7[fF]))(?![^?#]*/\.{1,2}(?:[/?#]|$))"
    rf"(?:{'|'.join(URL_PREFIXES)})[^\\\u0000-\u001f\u007f-\u00a0]*$"
)

# Constraints stand before BeforeValidator: after it they would measure the text before it is trimmed.
OptionalText = Annotated[str, _optional(), BeforeValidator(_absent), _OR_NULL]
OptionalText64 = Annotated[str, _optional(64), BeforeValidator(_absent), _OR_NULL]
OptionalText128 = Annotated[str, _optional(128), BeforeValidator(_absent), _OR_NULL]
LongText = Annotated[str, _optional(), BeforeValidator(_absent), AfterValidator(_fits_text), _OR_NULL]
OptionalInt = Annotated[int, Field(strict=True, ge=-BIGINT, lt=BIGINT), BeforeValidator(_zero), _OR_NULL]
RequiredText64 = Annotated[str, _required(64), _NOT_BLANK]
RequiredText191 = Annotated[str, _required(191), _NOT_BLANK]
TargetUrl = Annotated[str, _required(255), AfterValidator(_opens_a_page), Field(json_schema_extra={"pattern": _PAGE})]
UserId = Annotated[int, Field(strict=True, gt=0, lt=BIGINT)]
Rfc3339 = Annotated[datetime, BeforeValidator(rfc3339), Field(json_schema_extra={"pattern": f"^{RFC3339.pattern}$"})]
