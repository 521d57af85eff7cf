"""The send queue on SQS: pointers packed into few messages on the way out, unpacked on the way in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from delivery.domain.record import Pointer, QueueDown

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

T = TypeVar("T")

POINTERS_A_MESSAGE = 20
_MESSAGES_A_CALL = 10
_TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class SendQueue:
    """Publishes pointers, and says how many are waiting."""

    sqs: Any
    url: str

    def publish(self, pointers: Sequence[Pointer]) -> None:
        """Sends all of them, twenty to a message.

        Raises:
            QueueDown: the queue did not take some; those come due again by themselves.
        """
        bodies = [pack(part) for part in _parts(pointers, POINTERS_A_MESSAGE)]
        for group in _parts(bodies, _MESSAGES_A_CALL):
            self._send(group)

    def depth(self) -> int:
        """How many pointers wait or are being sent, at most: messages may carry fewer than twenty."""
        wanted = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=wanted)["Attributes"]
        return POINTERS_A_MESSAGE * sum(int(counts[name]) for name in wanted)

    def _send(self, bodies: Sequence[str]) -> None:
        entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
        for _ in range(_TRIES):
            entries = self._refused(entries)
            if not entries:
                return
        raise QueueDown(f"{len(entries)} messages were refused {_TRIES} times")

    def _refused(self, entries: list[dict[str, str]]) -> list[dict[str, str]]:
        try:
            answer = self.sqs.send_message_batch(QueueUrl=self.url, Entries=entries)
        except (BotoCoreError, ClientError) as error:
            raise QueueDown(type(error).__name__) from error
        failed = {failure["Id"] for failure in answer.get("Failed", [])}
        return [entry for entry in entries if entry["Id"] in failed]


def pack(pointers: Sequence[Pointer]) -> str:
    """The body of one message."""
    return json.dumps({"v": 1, "pointers": pointers}, separators=(",", ":"))


def unpack(body: str) -> list[Pointer]:
    """The pointers of one message.

    Raises:
        ValueError: the body is none of ours.
    """
    try:
        return [Pointer(_number(record_id), _number(count)) for record_id, count in json.loads(body)["pointers"]]
    except (KeyError, TypeError, ValueError, RecursionError):
        raise ValueError("the message holds no pointers") from None


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
        raise ValueError("a pointer holds two whole numbers")
    return value


def _parts(things: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (things[start : start + size] for start in range(0, len(things), size))


@dataclass(frozen=True, slots=True, kw_only=True)
class PointerBatch:
    """The messages of one SQS event: what they point at, and which of them cannot be read.

    Source: AWS Lambda developer guide, "Implementing partial batch responses" for Amazon SQS.
    """

    by_message: Mapping[str, Sequence[Pointer]]
    #: Messages that are none of ours: they go to the dead-letter queue after their last receive.
    unreadable: Sequence[str]

    @classmethod
    def read(cls, event: Mapping[str, Any]) -> PointerBatch:
        readable: dict[str, Sequence[Pointer]] = {}
        unreadable: list[str] = []
        for message in event.get("Records", []):
            try:
                readable[message["messageId"]] = unpack(message["body"])
            except ValueError:
                unreadable.append(message["messageId"])
        return cls(by_message=readable, unreadable=unreadable)

    @property
    def pointers(self) -> list[Pointer]:
        return [pointer for pointers in self.by_message.values() for pointer in pointers]

    def response(self, unopened: Collection[Pointer]) -> dict[str, Any]:
        """The partial batch response: a message comes again if any of its pointers was not looked at."""
        again = [name for name, pointers in self.by_message.items() if not set(pointers).isdisjoint(unopened)]
        return {"batchItemFailures": [{"itemIdentifier": name} for name in [*again, *self.unreadable]]}
