"""The send queue on SQS: pointers packed into few messages on the way out, unpacked on the way in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from delivery.aws.clients import AWS_ERRORS, own_words
from delivery.domain.record import Pointer, QueueDown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

T = TypeVar("T")

POINTERS_A_MESSAGE = 20
_MESSAGES_A_CALL = 10
_TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class SendQueue:
    """Publishes pointers and counts those that are waiting."""

    sqs: Any
    url: str

    def publish(self, pointers: Sequence[Pointer]) -> None:
        """Sends all of them, twenty per message.

        Raises:
            QueueDown: the queue refused some; those come due again by themselves.
        """
        bodies = [pack(part) for part in _parts(pointers, POINTERS_A_MESSAGE)]
        for group in _parts(bodies, _MESSAGES_A_CALL):
            self._send(group)

    def depth(self) -> int:
        """An upper bound of the pointers that are waiting or being sent: a message may hold fewer than twenty."""
        return POINTERS_A_MESSAGE * messages_in(self.sqs, self.url)

    def _send(self, bodies: Sequence[str]) -> None:
        entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
        why = ""
        for _ in range(_TRIES):
            entries, why = self._refused(entries)
            if not entries:
                return
        raise QueueDown(f"{len(entries)} messages were refused {_TRIES} times: {why}")

    def _refused(self, entries: list[dict[str, str]]) -> tuple[list[dict[str, str]], str]:
        """The messages that SQS refused, and its reason for one of them."""
        try:
            answer = self.sqs.send_message_batch(QueueUrl=self.url, Entries=entries)
        except AWS_ERRORS as error:
            raise QueueDown(own_words(error)) from error
        failed = {
            failure["Id"]: f"{failure.get('Code')}: {failure.get('Message')}" for failure in answer.get("Failed", [])
        }
        return [entry for entry in entries if entry["Id"] in failed], next(iter(failed.values()), "")


def messages_in(sqs: Any, url: str) -> int:  # noqa: ANN401 - boto clients are made at run time
    """How many messages the queue holds: waiting, in flight or delayed. SQS's counts lag a little.

    Raises:
        QueueDown: SQS refused to answer, in its own words.
    """
    wanted = [f"ApproximateNumberOfMessages{rest}" for rest in ("", "NotVisible", "Delayed")]
    try:
        counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=wanted)["Attributes"]
    except AWS_ERRORS as error:
        raise QueueDown(own_words(error)) from error
    return sum(int(counts[name]) for name in wanted)


def pack(pointers: Sequence[Pointer]) -> str:
    """The body of one message."""
    return json.dumps({"v": 1, "pointers": pointers}, separators=(",", ":"))


def unpack(body: str) -> list[Pointer]:
    """The pointers of one message.

    Raises:
        ValueError: the body is not a list of pointers.
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
