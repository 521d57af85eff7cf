"""Reads an SQS event of the send function: pointers to send, or reports to close."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from delivery.aws.queue import unpack
from delivery.aws.reports import unpack_reports
from delivery.domain.record import Pointer
from delivery.domain.transition import Closing


@dataclass(frozen=True, slots=True, kw_only=True)
class SendBatch:
    """The messages of one SQS event: pointers to send, reports to close, and messages that cannot be read.

    Source: AWS Lambda developer guide, "Implementing partial batch responses" for Amazon SQS.
    """

    pointers_by_message: Mapping[str, Sequence[Pointer]]
    reports_by_message: Mapping[str, Sequence[Closing]]
    #: Message id → why it cannot be read. These go to the dead-letter queue after their last receive.
    unreadable: Mapping[str, str]

    @classmethod
    def read(cls, event: Mapping[str, Any]) -> SendBatch:
        pointers: dict[str, Sequence[Pointer]] = {}
        reports: dict[str, Sequence[Closing]] = {}
        unreadable: dict[str, str] = {}
        for message in event.get("Records", []):
            name, body = message["messageId"], message["body"]
            try:
                if '"reports"' in body:
                    reports[name] = unpack_reports(body)
                else:
                    pointers[name] = unpack(body)
            except ValueError as error:
                unreadable[name] = str(error)
        return cls(pointers_by_message=pointers, reports_by_message=reports, unreadable=unreadable)

    @property
    def pointers(self) -> list[Pointer]:
        return [pointer for pointers in self.pointers_by_message.values() for pointer in pointers]

    @property
    def reports(self) -> list[Closing]:
        return [report for reports in self.reports_by_message.values() for report in reports]

    def response(self, *, unopened: Collection[Pointer], unclosed: Collection[int]) -> dict[str, Any]:
        """The partial batch response: SQS delivers a message again if any of its pointers or reports is not done."""
        again = [name for name, some in self.pointers_by_message.items() if not set(some).isdisjoint(unopened)]
        records = {name: {one.attempt.record_id for one in some} for name, some in self.reports_by_message.items()}
        still = [name for name, some in records.items() if not some.isdisjoint(unclosed)]
        return {"batchItemFailures": [{"itemIdentifier": name} for name in [*again, *still, *self.unreadable]]}
