"""The send queue: how pointers are packed, what happens when SQS refuses some, and what an event says back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from delivery.aws.queue import PointerBatch, SendQueue, pack, unpack
from delivery.domain.record import Pointer, QueueDown

POINTERS = st.lists(st.builds(Pointer, st.integers(0, 2**63 - 1), st.integers(0, 2**31)), max_size=20)


@pytest.fixture(scope="module")
def sqs() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as environment:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            environment.setenv(name, "testing")
        with mock_aws():
            yield boto3.client("sqs", region_name="eu-west-1")


@pytest.fixture
def queue(sqs: Any, request: pytest.FixtureRequest) -> SendQueue:
    name = "".join(character if character.isalnum() else "-" for character in request.node.name)[:80]
    return SendQueue(sqs=sqs, url=sqs.create_queue(QueueName=name)["QueueUrl"])


def received(queue: SendQueue) -> list[list[Pointer]]:
    """All messages, unpacked."""
    messages: list[list[Pointer]] = []
    while batch := queue.sqs.receive_message(QueueUrl=queue.url, MaxNumberOfMessages=10).get("Messages"):
        messages.extend(unpack(message["Body"]) for message in batch)
    return messages


class Sqs:
    """Refuses or fails as it is told, and remembers what it was asked."""

    def __init__(self, *refused: set[int] | Exception) -> None:
        self.refused = list(refused)
        self.calls: list[list[dict[str, str]]] = []

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803 - boto's
        assert QueueUrl == "url"
        self.calls.append(Entries)
        refused = self.refused.pop(0) if self.refused else set()
        if isinstance(refused, Exception):
            raise refused
        failed = [{"Id": entry["Id"]} for entry in Entries if int(entry["Id"]) in refused]
        return {"Failed": failed} if failed else {}


def numbered(count: int) -> list[Pointer]:
    return [Pointer(number, 0) for number in range(1, count + 1)]


@pytest.mark.parametrize(
    ("count", "messages", "calls"),
    [(0, 0, 0), (1, 1, 1), (20, 1, 1), (21, 2, 1), (200, 10, 1), (201, 11, 2), (500, 25, 3)],
)
def test_pointers_travel_twenty_to_a_message_and_ten_messages_to_a_call(count: int, messages: int, calls: int) -> None:
    """Every one of them, once, in order."""
    sqs = Sqs()
    SendQueue(sqs=sqs, url="url").publish(numbered(count))
    bodies = [entry["MessageBody"] for call in sqs.calls for entry in call]
    assert (len(bodies), len(sqs.calls)) == (messages, calls)
    assert [pointer for body in bodies for pointer in unpack(body)] == numbered(count)
    assert all(len({entry["Id"] for entry in call}) == len(call) <= 10 for call in sqs.calls)


def test_what_is_published_comes_out_of_sqs(queue: SendQueue) -> None:
    """Through the real client."""
    queue.publish(numbered(45))
    messages = received(queue)
    assert sorted(len(message) for message in messages) == [5, 20, 20]
    assert sorted(pointer for message in messages for pointer in message) == numbered(45)


def test_depth_counts_messages_waiting_and_in_flight_as_full_ones(queue: SendQueue) -> None:
    """An upper limit: better to claim a little less than to flood."""
    assert queue.depth() == 0
    queue.publish(numbered(41))
    assert queue.depth() == 60
    queue.sqs.receive_message(QueueUrl=queue.url, MaxNumberOfMessages=1)
    assert queue.depth() == 60


def test_only_refused_messages_are_sent_again() -> None:
    """The ones that SQS took must not be doubled."""
    sqs = Sqs({1, 2}, {2})
    SendQueue(sqs=sqs, url="url").publish(numbered(60))
    assert [[entry["Id"] for entry in call] for call in sqs.calls] == [["0", "1", "2"], ["1", "2"], ["2"]]
    assert unpack(sqs.calls[-1][0]["MessageBody"]) == numbered(60)[40:]


def test_messages_refused_three_times_are_a_queue_that_is_down() -> None:
    """The rows are safe; whoever publishes decides what it means."""
    sqs = Sqs({0}, {0}, {0}, {0})
    with pytest.raises(QueueDown, match="1 messages were refused 3 times"):
        SendQueue(sqs=sqs, url="url").publish(numbered(1))
    assert len(sqs.calls) == 3


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url="https://sqs.example"),
        ClientError({"Error": {"Code": "ServiceUnavailable", "Message": "m"}}, "SendMessageBatch"),
    ],
)
def test_an_error_of_sqs_is_a_queue_that_is_down(error: Exception) -> None:
    """The client has tried again by itself already."""
    with pytest.raises(QueueDown):
        SendQueue(sqs=Sqs(error), url="url").publish(numbered(1))


def test_a_queue_that_does_not_exist_is_down(sqs: Any) -> None:
    """Through the real client."""
    with pytest.raises(QueueDown):
        SendQueue(sqs=sqs, url="https://sqs.eu-west-1.amazonaws.com/123456789012/none").publish(numbered(1))


@given(POINTERS)
def test_what_is_packed_unpacks(pointers: list[Pointer]) -> None:
    """And twenty of the largest pointers are far below what a message may hold."""
    body = pack(pointers)
    assert unpack(body) == pointers
    assert len(body.encode()) < 1_000


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "[]",
        "{}",
        '"pointers"',
        '{"pointers": null}',
        '{"pointers": 5}',
        '{"pointers": "ab"}',
        '{"pointers": {"ab": 1}}',
        '{"pointers": [1]}',
        '{"pointers": [[1]]}',
        '{"pointers": [[1, 0, 0]]}',
        '{"pointers": [[1, "0"]]}',
        '{"pointers": [[1.0, 0]]}',
        '{"pointers": [[true, 0]]}',
        '{"pointers": [[-1, 0]]}',
        '{"pointers": [[9223372036854775808, 0]]}',
        '{"pointers": [[null, 0]]}',
        '{"pointers": ' + "[" * 100_000,
        "9" * 5_000,
    ],
)
def test_what_is_no_message_of_ours_is_said_to_be_none(body: str) -> None:
    """One kind of error, without the body."""
    with pytest.raises(ValueError, match=r"^the message holds no pointers$"):
        unpack(body)


@given(st.text() | st.recursive(st.integers(), lambda x: st.lists(x, max_size=3)).map(lambda p: f'{{"pointers": {p}}}'))
def test_any_text_is_pointers_or_a_value_error(body: str) -> None:
    """Nothing else may escape: it would hold up the whole batch."""
    batch = PointerBatch.read({"Records": [message("m", body)]})
    assert (list(batch.by_message), batch.unreadable) in ((["m"], []), ([], ["m"]))
    assert all(0 <= number < 2**63 for pointer in batch.pointers for number in pointer)


def message(name: str, body: str) -> dict[str, str]:
    return {"messageId": name, "body": body, "receiptHandle": "r", "eventSource": "aws:sqs"}


def test_only_messages_with_unopened_pointers_come_again() -> None:
    """And those that cannot be read, until they reach the dead-letter queue."""
    event = {
        "Records": [
            message("done", pack([Pointer(1, 0), Pointer(2, 0)])),
            message("half", pack([Pointer(3, 0), Pointer(4, 1)])),
            message("poison", "hello"),
            message("empty", pack([])),
        ]
    }
    batch = PointerBatch.read(event)
    assert batch.pointers == [Pointer(1, 0), Pointer(2, 0), Pointer(3, 0), Pointer(4, 1)]
    again = batch.response({Pointer(4, 1)})
    assert again == {"batchItemFailures": [{"itemIdentifier": "half"}, {"itemIdentifier": "poison"}]}
    assert PointerBatch.read({}).response(set()) == {"batchItemFailures": []}
