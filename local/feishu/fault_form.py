"""Reads a fault from JSON, and says in one line which field is wrong if it cannot."""

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from typing import Any

from local.feishu.faults import Fault, FaultKind


class FaultError(ValueError):
    """An invalid fault. The message is one line that names the field and its rule."""


def parse_fault(document: Any) -> Fault:  # noqa: ANN401 - any JSON
    """A fault from its JSON form.

    Raises:
        FaultError: naming the field that is missing, unknown or out of its range.
    """
    if not isinstance(document, Mapping):
        raise FaultError("a fault should be a JSON object with at least `kind`")
    if unknown := sorted(set(map(str, document)) - _NAMES):
        raise FaultError(f"{unknown[0]}: no such field; there are {', '.join(sorted(_NAMES))}")
    fault = Fault(**{**document, "kind": _kind(document.get("kind"))})
    for name in document:
        holds, rule = _RULES[name]
        if not holds(getattr(fault, name)):
            raise FaultError(f"{name}: should be {rule}")
    return _complete(fault, document)


def as_document(fault: Fault) -> dict[str, Any]:
    """The fault's JSON form, without what was left at its default."""
    defaults = {item.name: item.default for item in fields(Fault)}
    return {name: value for name, value in asdict(fault).items() if value != defaults[name]}


def _kind(given: object) -> FaultKind:
    try:
        return FaultKind(given)  # type: ignore[arg-type]  # anything may have been given
    except ValueError:
        raise FaultError(f"kind: should be one of {', '.join(FaultKind)}") from None


def _complete(fault: Fault, document: Mapping[str, Any]) -> Fault:
    """Checks what depends on the kind."""
    if fault.kind is FaultKind.SLOW and fault.delay <= 0:
        raise FaultError("delay: should be given in seconds, above 0, for kind slow")
    if fault.kind is FaultKind.CODE and "code" not in document:
        raise FaultError("code: should be given for kind code")
    if fault.kind is FaultKind.HTTP_STATUS and not _between(fault.status, 400, 599):
        raise FaultError("status: should be given, from 400 to 599, for kind http_status")
    if fault.kind is FaultKind.HTTP_5XX and not _between(fault.status or 503, 500, 599):
        raise FaultError("status: should be from 500 to 599 for kind http_5xx")
    return fault


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _between(value: Any, low: float, high: float) -> bool:  # noqa: ANN401 - checked here
    return _number(value) and low <= value <= high


def _header_safe(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[\x21-\x7e]{1,2000}", value) is not None


_Rule = tuple[Callable[[Any], bool], str]

_RULES: Mapping[str, _Rule] = {
    "kind": (lambda value: isinstance(value, FaultKind), f"one of {', '.join(FaultKind)}"),
    "user_id": (lambda value: value is None or (_whole(value) and value > 0), "a whole number above 0, or null"),
    "key": (lambda value: value is None or _header_safe(value), "a webhook key, or null"),
    "share": (lambda value: _between(value, 0, 1), "a number from 0 to 1"),
    "first": (lambda value: value is None or (_whole(value) and value > 0), "a whole number above 0, or null"),
    "delay": (lambda value: _between(value, 0, 3600), "seconds, from 0 to 3600"),
    "retry_after": (
        lambda value: value is None or (_whole(value) and 0 <= value <= 86_400),
        "whole seconds from 0 to 86400, or null",
    ),
    "retry_header": (
        lambda value: isinstance(value, str) and value.lower() in ("retry-after", "x-ogw-ratelimit-reset"),
        "Retry-After or x-ogw-ratelimit-reset",
    ),
    "status": (
        lambda value: value is None or (_whole(value) and 200 <= value <= 599),
        "a whole number from 200 to 599, or null",
    ),
    "interval": (lambda value: _between(value, 0.001, 60), "seconds, from 0.001 to 60"),
    "idle": (lambda value: _between(value, 0, 3600), "seconds, from 0 to 3600"),
    "encoding": (lambda value: value in ("gzip", "deflate", "br", "zstd"), "gzip, deflate, br or zstd"),
    "location": (lambda value: value is None or _header_safe(value), "a URL without spaces, or null"),
    "code": (_whole, "a whole number"),
    "msg": (lambda value: value is None or isinstance(value, str), "a string, or null"),
}
_NAMES = frozenset(_RULES)
