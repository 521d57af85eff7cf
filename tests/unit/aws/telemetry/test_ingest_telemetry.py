"""What operators see of a Kafka batch: its counts, a line for each reject, and why the queue refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from delivery.aws import telemetry
from delivery.domain.contract import RejectCode
from delivery.domain.intake import KafkaRecord, Reject
from delivery.ingest import IngestReport

Lines = Callable[[], list[dict[str, Any]]]


def reject(code: RejectCode = RejectCode.PAYLOAD_INVALID, *, offset: int = 0, reason: str = "user_id: why") -> Reject:
    source = KafkaRecord(topic="t", partition=3, offset=offset, key=b"private key", value=b"private value")
    return Reject(source=source, code=code, reason=reason)


def counted() -> dict[str, Any]:
    """The metrics without a dimension of their own."""
    return {name: metric["Value"] for name, metric in telemetry.metrics.metric_set.items()}


def by_dimension(capsys: pytest.CaptureFixture[str], name: str, dimension: str) -> dict[str, list[float]]:
    """What was counted under each value of this dimension."""
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "CloudWatchMetrics" in line]
    of_name = [document for document in documents if name in document]
    assert all(dimension in document["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0] for document in of_name)
    return {document[dimension]: document[name] for document in of_name}


def test_a_batch_is_one_line_with_its_counts(lines: Lines) -> None:
    """Rejects by code, what was passed over by type; and a metric for each count."""
    rejects = [reject(), reject()]
    telemetry.observe_ingest(
        IngestReport(received=9, requested=4, duplicates=2, skipped={"task.created": 1}, rejects=rejects, published=5)
    )
    line = lines()[0]
    assert line["message"] == "batch ingested"
    assert (line["received"], line["requested"], line["duplicates"], line["published"]) == (9, 4, 2, 5)
    assert (line["skipped"], line["rejected"]) == ({"task.created": 1}, {"payload_invalid": 2})
    assert counted() == {"Requested": [4.0], "Duplicates": [2.0], "PassedOver": [1.0]}


def test_rejects_are_counted_by_code(capsys: pytest.CaptureFixture[str]) -> None:
    """The code is a dimension, so that an alarm can name it."""
    rejects = [reject(), reject(RejectCode.ADDRESSED_ELSEWHERE), reject()]
    telemetry.observe_ingest(IngestReport(received=3, rejects=rejects))
    assert by_dimension(capsys, "Rejected", "code") == {"payload_invalid": [2.0], "addressed_elsewhere": [1.0]}


def test_a_reject_is_a_line_with_its_place_and_reason_and_nothing_that_it_says(lines: Lines) -> None:
    """Whoever reads the log finds the record in Kafka and in notification_rejects."""
    telemetry.observe_ingest(IngestReport(received=1, rejects=[reject(offset=77)]))
    line = lines()[1]
    assert (line["topic"], line["partition"], line["offset"]) == ("t", 3, 77)
    assert (line["level"], line["code"], line["reason"]) == ("WARNING", "payload_invalid", "user_id: why")
    assert "private" not in json.dumps(lines())


def test_a_batch_of_nothing_but_rejects_does_not_flood_the_log(lines: Lines) -> None:
    """Ten thousand lines would hide everything else; the table has them all."""
    many = [reject(offset=offset, reason="r" * 16_000) for offset in range(10_000)]
    telemetry.observe_ingest(IngestReport(received=10_000, rejects=many))
    assert [line.get("offset") for line in lines()] == [None, *range(20), None]
    assert len(json.dumps(lines())) < 40_000


@pytest.mark.parametrize(
    ("event_type", "shown"),
    [
        ("task.created", "task.created"),
        ("other", "other"),
        ("任务.created", "??.created"),
        (":colon", "?colon"),
        ("a b\tc", "a?b?c"),
    ],
)
def test_what_is_passed_over_is_counted_by_type(
    capsys: pytest.CaptureFixture[str], event_type: str, shown: str
) -> None:
    """In a form that CloudWatch takes as a dimension; it drops others without a word."""
    telemetry.observe_ingest(IngestReport(received=3, skipped={event_type: 3}))
    assert by_dimension(capsys, "PassedOver", "event_type") == {shown: [3.0]}


def test_a_queue_that_refuses_is_an_error_with_its_words(lines: Lines) -> None:
    """In the words that the runbook names. Nothing is lost, but somebody should look, and needs SQS's code."""
    why = "AccessDenied: no identity-based policy allows the sqs:SendMessage action"
    telemetry.observe_ingest(IngestReport(received=1, requested=1, queue_refused=why))
    assert [line["level"] for line in lines()] == ["INFO", "ERROR"]
    assert (lines()[1]["message"], lines()[1]["why"]) == ("a queue refuses", f"the send queue: {why}")
    assert counted()["QueueRefused"] == [1.0]
