"""The report queue on SQS: outcomes that MySQL could not take, packed for whichever sender closes them later."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from delivery.aws.clients import AWS_ERRORS, own_words
from delivery.domain.outcome import Delivered, NoRecipient, NotStarted, Outcome, PermanentFailure, TemporaryFailure
from delivery.domain.record import Attempt, QueueDown
from delivery.domain.transition import Closing, Transition

#: SQS takes 1 MiB; a report holds a message's text and the first bytes of its answer.
_MESSAGE_BYTES = 199_900
# Source: Amazon SQS API reference, "SendMessage". JSON itself escapes the control characters.
_NOT_FOR_SQS = re.compile("[\ud800-\udfff\ufffe\uffff]")
_KINDS: tuple[type[Outcome], ...] = (Delivered, TemporaryFailure, PermanentFailure, NoRecipient, NotStarted)
_OUTCOMES = {kind.__name__: kind for kind in _KINDS}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportQueue:
    """Publishes reports."""

    sqs: Any
    url: str

    def publish(self, closings: Sequence[Closing]) -> None:
        """Raises QueueDown, in SQS's own words, unless it took all of them."""
        try:
            for body in _packed(closings):
                self.sqs.send_message(QueueUrl=self.url, MessageBody=body)
        except AWS_ERRORS as error:
            raise QueueDown(own_words(error)) from error


def _packed(closings: Sequence[Closing]) -> Iterator[str]:
    part: list[str] = []
    left = _MESSAGE_BYTES
    for report in map(_report, closings):
        size = len(report.encode()) + 1
        if part and size > left:
            yield _body(part)
            part, left = [], _MESSAGE_BYTES
        part.append(report)
        left -= size
    if part:
        yield _body(part)


def _body(reports: Sequence[str]) -> str:
    return f'{{"v":1,"reports":[{",".join(reports)}]}}'


def _report(closing: Closing) -> str:
    attempt = replace(closing.attempt, fallback_text="")  # it is long, and the request has it if it was used
    kind: Any = type(closing.outcome)
    parts = {
        "attempt": _adapter(Attempt).dump_python(attempt, mode="json"),
        "kind": kind.__name__,
        "outcome": _adapter(kind).dump_python(closing.outcome, mode="json"),
        "transition": _adapter(Transition).dump_python(closing.transition, mode="json"),
        "finished_at": closing.finished_at.isoformat(),
        "way": closing.way,
    }
    written = json.dumps(parts, ensure_ascii=False)
    return _NOT_FOR_SQS.sub(lambda found: f"\\u{ord(found[0]):04x}", written)


def unpack_reports(body: str) -> list[Closing]:
    """The reports of one message.

    Raises:
        ValueError: the body is not a list of reports.
    """
    try:
        return [_closing(report) for report in json.loads(body)["reports"]]
    except (KeyError, TypeError, ValidationError, RecursionError) as error:
        raise ValueError(f"the message holds no reports ({type(error).__name__})") from None


def _closing(report: Mapping[str, Any]) -> Closing:
    kind: Any = _OUTCOMES[report["kind"]]
    return Closing(
        attempt=_adapter(Attempt).validate_python(report["attempt"]),
        outcome=_adapter(kind).validate_python(report["outcome"]),
        transition=_adapter(Transition).validate_python(report["transition"]),
        finished_at=datetime.fromisoformat(report["finished_at"]),
        way=report.get("way"),  # reports from before this field existed may still be waiting
    )


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:  # noqa: ANN401 - any of the domain's dataclasses
    return TypeAdapter(kind)
