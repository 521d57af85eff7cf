"""Checks documents against the contract, and says in plain words which rules they break."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pydantic import ValidationError

from hongyan_producer.contract.models import Envelope, Payload

_ONE_LINE = 300
#: Pydantic's kind of error → the broken rule in a producer's words.
_PLAIN_WORDS: Mapping[str, str] = {
    "missing": "is missing",
    "dict_type": "should be a JSON object",
    "string_type": "should be a string",
    "string_too_short": "should not be empty",
    "int_type": "should be a whole number, without quotes",
    "less_than": "should be a number of 64 bits at most",
    "greater_than_equal": "should be a number of 64 bits at most",
}


class Broken(tuple[str, ...]):
    """The rules that a document breaks, each as `field: rule`. Values are left out because they may be private."""

    __slots__ = ()

    def __str__(self) -> str:
        return "; ".join(self)


def checked_envelope(document: object) -> Envelope | Broken:
    try:
        return Envelope.model_validate(document)
    except ValidationError as error:
        return Broken(_rules(error))


def checked_payload(document: object, *, url_prefixes: Sequence[str]) -> Payload | Broken:
    try:
        return Payload.model_validate(document, context=url_prefixes)
    except ValidationError as error:
        return Broken(_rules(error))


def _rules(error: ValidationError) -> Iterator[str]:
    for detail in error.errors(include_url=False, include_context=False, include_input=False):
        field = ".".join(str(part) for part in detail["loc"]) or "payload"
        yield f"{field}: {_rule(detail['type'], detail['msg'])}"


def _rule(kind: str, message: str) -> str:
    shown = _PLAIN_WORDS.get(kind, message[:_ONE_LINE])
    return shown.removeprefix("Input ").removeprefix("String ").removeprefix("Value error, ")
