"""The report queue: what goes in comes out, in messages that SQS takes, and SQS's refusal is told in its own words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from delivery.aws.queue import messages_in
from delivery.aws.reports import ReportQueue, unpack_reports
from delivery.domain.outcome import (
    Delivered,
    ErrorCode,
    Exchange,
    NoRecipient,
    NotStarted,
    Outcome,
    PermanentFailure,
    TemporaryFailure,
)
from delivery.domain.record import QueueDown
from delivery.domain.transition import Closing, after_attempt
from tests.unit.samples import NOW, RETRY, attempt

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
EXCHANGES = st.builds(
    Exchange,
    request=st.dictionaries(st.text(), JSON, max_size=3),
    response=st.dictionaries(st.text(), JSON, max_size=3),
    http_status=st.none() | st.integers(100, 599),
    latency_ms=st.none() | st.integers(0, 60_000),
)
CODES, WORDS = st.sampled_from(ErrorCode), st.text()
OUTCOMES: st.SearchStrategy[Outcome] = st.one_of(
    st.builds(Delivered, provider_message_id=WORDS, exchange=EXCHANGES),
    st.builds(
        TemporaryFailure,
        code=CODES,
        reason=WORDS,
        retry_after=st.none() | st.integers(0, 86_400_000).map(lambda number: timedelta(milliseconds=number)),
        exchange=EXCHANGES,
    ),
    st.builds(PermanentFailure, code=CODES, reason=WORDS, exchange=EXCHANGES),
    st.builds(NoRecipient, reason=WORDS),
    st.builds(NotStarted, reason=WORDS),
)
TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def closing(outcome: Outcome, *, at: datetime = NOW, **changes: Any) -> Closing:
    one = attempt(started_at=at, fallback_text="", **changes)
    transition = after_attempt(one, outcome, RETRY, at)
    return Closing(attempt=one, way="feishu_bot", outcome=outcome, transition=transition, finished_at=at)


def published(closings: list[Closing]) -> list[str]:
    bodies: list[str] = []
    sqs = SimpleNamespace(send_message=lambda **message: bodies.append(message["MessageBody"]))
    ReportQueue(sqs=sqs, url="url").publish(closings)
    return bodies


@given(st.lists(st.tuples(OUTCOMES, st.integers(1, 5), TIMES), max_size=5))
def test_every_outcome_comes_back_as_it_was(parts: list[tuple[Outcome, int, datetime]]) -> None:
    """With its attempt, and with what it makes of its record."""
    closings = [closing(outcome, number=number, at=at) for outcome, number, at in parts]
    assert [one for body in published(closings) for one in unpack_reports(body)] == closings


@given(st.text())
def test_a_body_holds_only_characters_that_sqs_takes(words: str) -> None:
    """A message with any other is refused whole (Amazon SQS API reference, SendMessage)."""
    [body] = published([closing(PermanentFailure(code=ErrorCode.PAYLOAD_INVALID, reason=f"{words}\x00\ufffe\uffff"))])
    assert all(character in "\t\n\r" or " " <= character < "\ud800" or character >= "\ue000" for character in body)
    assert not {"\ufffe", "\uffff"} & set(body)


def test_a_report_of_before_ways_were_noted_is_still_read() -> None:
    """It may have waited in the queue while a new version was deployed."""
    one = closing(Delivered(provider_message_id="m"))
    [body] = published([one])
    older = json.loads(body)
    del older["reports"][0]["way"]
    assert unpack_reports(json.dumps(older)) == [replace(one, way=None)]


def test_half_a_character_from_feishu_s_answer_travels_too() -> None:
    """JSON may hold one; UTF-8 may not."""
    outcome = Delivered(provider_message_id="m", exchange=Exchange(response={"msg": "\ud800"}))
    [body] = published([closing(outcome)])
    assert body.encode()
    assert unpack_reports(body) == [closing(outcome)]


def test_long_texts_are_spread_over_messages_of_200_kilobytes() -> None:
    """A column takes 65,535 bytes: of four-byte characters here, in the attempt and in its request."""
    text = "🦢" * (65_535 // 4)
    outcome = Delivered(
        provider_message_id="m", exchange=Exchange(request={"text": text}, response={"body": "x" * 2_000})
    )
    closings = [closing(outcome, record_id=number, summary_text=text) for number in range(7)]
    short = [closing(NoRecipient(reason="none"), record_id=100 + number) for number in range(500)]
    bodies = published([*closings, *short])
    assert all(len(body.encode()) <= 200_000 for body in bodies)
    assert len(bodies) <= 7 + 3
    assert [one for body in bodies for one in unpack_reports(body)] == [*closings, *short]


def test_nothing_to_report_is_no_message() -> None:
    """SQS refuses empty bodies."""
    assert published([]) == []


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "[]",
        '{"reports":null}',
        '{"reports":[{}]}',
        '{"reports":[5]}',
        '{"reports":[{"kind":"Other"}]}',
        "[" * 100_000,
    ],
)
def test_what_is_no_report_of_ours_is_said_to_be_none(body: str) -> None:
    """One kind of error, without the body."""
    with pytest.raises(ValueError, match=r"^(the message holds no reports \(\w+\)|Expecting value.*)$"):
        unpack_reports(body)


@pytest.mark.parametrize("part", ["attempt", "kind", "outcome", "transition", "finished_at"])
def test_a_report_that_lacks_a_part_or_holds_another_is_said_to_be_none(part: str) -> None:
    """It goes to its dead-letter queue and holds up nobody."""
    [body] = published([closing(NoRecipient(reason="none"))])
    for wrong in (None, 5, "x", {"a": 1}):
        report = json.loads(body)["reports"][0] | {part: wrong}
        with pytest.raises(ValueError, match=r"reports|isoformat"):
            unpack_reports(json.dumps({"v": 1, "reports": [report]}))


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Iterator[ReportQueue]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        sqs = boto3.client("sqs", region_name="eu-west-1")
        yield ReportQueue(sqs=sqs, url=sqs.create_queue(QueueName="reports")["QueueUrl"])


def test_a_report_counts_until_it_is_closed(queue: ReportQueue) -> None:
    """Through the real client. One that a sender holds right now is not closed yet."""
    assert messages_in(queue.sqs, queue.url) == 0
    queue.publish([closing(NoRecipient(reason="none"))])
    assert messages_in(queue.sqs, queue.url) == 1
    [message] = queue.sqs.receive_message(QueueUrl=queue.url)["Messages"]
    assert messages_in(queue.sqs, queue.url) == 1
    queue.sqs.delete_message(QueueUrl=queue.url, ReceiptHandle=message["ReceiptHandle"])
    assert messages_in(queue.sqs, queue.url) == 0


@pytest.mark.parametrize("call", ["send_message", "get_queue_attributes"])
def test_a_queue_that_refuses_is_told_in_sqs_s_own_words(call: str) -> None:
    """Whether it is asked or given something."""

    def refuse(**_arguments: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "not for you"}}, call)

    sqs = SimpleNamespace(**{call: refuse})
    queue = ReportQueue(sqs=sqs, url="url")
    with pytest.raises(QueueDown, match="AccessDenied: not for you"):
        queue.publish([closing(NoRecipient(reason="none"))]) if call == "send_message" else messages_in(sqs, "url")
