"""The handlers: what they give their use case, and what they answer. What the use cases do is tested elsewhere."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from math import inf
from types import SimpleNamespace
from typing import Any

import pytest

from delivery.aws import telemetry
from delivery.aws.queue import pack
from delivery.aws.reports import ReportQueue
from delivery.aws.wiring import foundation
from delivery.claim import ClaimReport
from delivery.deadline import seconds_left
from delivery.domain.contract import RejectCode
from delivery.domain.intake import Reject
from delivery.domain.outcome import Delivered
from delivery.domain.record import Attempt, Pointer
from delivery.domain.transition import Closing, after_attempt
from delivery.ingest import IngestReport
from delivery.prune import PruneReport
from functions.claim import handler as claim
from functions.ingest import handler as ingest
from functions.prune import handler as prune
from functions.send import handler as send
from tests.unit.samples import EXACT_RETRY, NOW, attempt, encoded, event, kafka_record

CONTEXT: Any = SimpleNamespace(
    function_name="f",
    memory_limit_in_mb=256,
    invoked_function_arn="arn",
    aws_request_id="request-1",
    get_remaining_time_in_millis=lambda: 60_000,
)


@dataclass
class UseCase:
    """Answers with its report, or fails; remembers what it was run with."""

    report: Any = None
    error: Exception | None = None
    given: list[Any] = field(default_factory=list)
    until: datetime | None = None

    def run(self, *given: Any, until: datetime | None = None) -> Any:
        self.given, self.until = list(given), until
        if self.error:
            raise self.error
        return self.report


@pytest.fixture(autouse=True)
def namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the template sets it."""
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Hongyan")
    monkeypatch.setattr(telemetry.metrics.provider, "namespace", "Hongyan")


@pytest.fixture(autouse=True)
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the passing of time would look like time that is kept back."""
    monkeypatch.setattr(foundation, "utc_now", lambda: NOW)


def kafka_event() -> dict[str, Any]:
    record = {"topic": "t", "partition": 0, "offset": 1, "value": encoded(event())}
    return {"records": {"t-0": [record]}}


def messages() -> dict[str, Any]:
    bodies = {"a": pack([Pointer(1, 0)]), "b": pack([Pointer(2, 0)]), "c": "not ours"}
    return {"Records": [{"messageId": name, "body": body} for name, body in bodies.items()]}


def closing_of(one: Attempt) -> Closing:
    outcome = Delivered(provider_message_id="m")
    transition = after_attempt(one, outcome, EXACT_RETRY, NOW)
    return Closing(attempt=replace(one, fallback_text=""), outcome=outcome, transition=transition, finished_at=NOW)


def body_of(one: Closing) -> str:
    """As the report queue is given it."""
    bodies: list[str] = []
    sqs = SimpleNamespace(send_message=lambda **message: bodies.append(message["MessageBody"]))
    ReportQueue(sqs=sqs, url="url").publish([one])
    [body] = bodies
    return body


def assert_time_is_kept_back(until: datetime | None) -> None:
    """Of the sixty seconds that Lambda leaves; what is kept back is for closing down and answering."""
    assert until is not None
    assert timedelta(seconds=1) <= NOW + timedelta(seconds=60) - until <= timedelta(seconds=5)


def test_ingest_hands_the_records_over_and_answers_with_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lambda reads nothing from it; people who invoke it do."""
    bad = Reject(source=kafka_record(b""), code=RejectCode.ENVELOPE_INVALID, reason="the value is empty")
    use_case = UseCase(IngestReport(received=4, requested=1, rejects=[bad] * 3))
    monkeypatch.setattr(ingest, "ingester", lambda: use_case)
    assert ingest.handler(kafka_event(), CONTEXT) == {"received": 4, "requested": 1, "rejected": 3}
    [[record]] = use_case.given
    assert (record.topic, record.offset, record.value) == ("t", 1, event())


def test_ingest_passes_a_broken_database_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error is how Lambda knows that the batch must come again; there is nothing to count then."""
    monkeypatch.setattr(ingest, "ingester", lambda: UseCase(error=ConnectionError("no database")))
    with pytest.warns(UserWarning, match="No application metrics"), pytest.raises(ConnectionError):
        ingest.handler(kafka_event(), CONTEXT)


def test_claim_works_until_shortly_before_its_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the schedule sent."""
    use_case = UseCase(ClaimReport(claimed=3, dead=1))
    monkeypatch.setattr(claim, "claimer", lambda: use_case)
    assert claim.handler({"anything": 1}, CONTEXT) == {"claimed": 3, "dead": 1}
    assert_time_is_kept_back(use_case.until)


def test_prune_works_until_shortly_before_its_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """And answers with what it deleted of each kind."""
    use_case = UseCase(PruneReport(deleted={"records": 3, "rejects": 0}, oldest_kept_seconds={}))
    monkeypatch.setattr(prune, "pruner", lambda: use_case)
    assert prune.handler({"anything": 1}, CONTEXT) == {"records": 3, "rejects": 0}
    assert_time_is_kept_back(use_case.until)


def test_prune_raises_what_ended_it_after_its_counts_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was deleted was deleted."""
    report = PruneReport(deleted={"records": 3}, oldest_kept_seconds={}, failure=ConnectionError("no database"))
    monkeypatch.setattr(prune, "pruner", lambda: UseCase(report))
    with pytest.raises(ConnectionError, match="no database"):
        prune.handler({}, CONTEXT)
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "CloudWatchMetrics" in line]
    assert [one["Pruned"] for one in documents if "Pruned" in one] == [[3.0]]


def test_send_answers_with_the_messages_that_must_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those with unopened pointers, and those that cannot be read."""
    use_case = UseCase(frozenset({Pointer(2, 0)}))
    monkeypatch.setattr(send, "sender", lambda: use_case)
    with pytest.warns(UserWarning, match="No application metrics"):
        answer = send.handler(messages(), CONTEXT)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "b"}, {"itemIdentifier": "c"}]}
    assert use_case.given == [[Pointer(1, 0), Pointer(2, 0)]]
    assert_time_is_kept_back(use_case.until)


def test_metrics_are_flushed_at_the_end_of_each_call(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One document of CloudWatch's embedded format a call, none left over for the next."""
    monkeypatch.setattr(claim, "claimer", lambda: UseCase(ClaimReport(claimed=2)))
    for _ in range(2):
        claim.handler({}, CONTEXT)
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "CloudWatchMetrics" in line]
    assert [one["Claimed"] for one in documents] == [[2.0], [2.0]]


def test_reports_are_closed_and_those_of_locked_records_come_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The same handler takes them, told apart by what is in the body; no sender is built for them."""
    use_case = UseCase(frozenset({2}))
    monkeypatch.setattr(send, "report_closer", lambda: use_case)
    closings = [closing_of(attempt(record_id=record_id)) for record_id in (1, 2)]
    event = {"Records": [{"messageId": f"m{one.attempt.record_id}", "body": body_of(one)} for one in closings]}
    event["Records"].append({"messageId": "poison", "body": '{"v":1,"reports":[{}]}'})
    with pytest.warns(UserWarning, match="No application metrics"):
        answer = send.handler(event, CONTEXT)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m2"}, {"itemIdentifier": "poison"}]}
    assert use_case.given == [closings]
    [line] = [vars(line) for line in caplog.records if line.levelname == "ERROR"]
    assert (line["message_id"], line["why"]) == ("poison", "the message holds no reports (KeyError)")


def test_every_wait_of_an_invocation_ends_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the use case waits for asks how much time is left: a bit less than Lambda leaves."""
    left: list[float] = []
    reports = [IngestReport(), ClaimReport(), PruneReport(deleted={}, oldest_kept_seconds={})]

    def look(*_given: Any, **_until: Any) -> Any:
        left.append(seconds_left())
        return reports.pop(0) if reports else frozenset()

    use_case = SimpleNamespace(run=look)
    monkeypatch.setattr(foundation, "utc_now", lambda: datetime.now(UTC))
    monkeypatch.setattr(ingest, "ingester", lambda: use_case)
    monkeypatch.setattr(claim, "claimer", lambda: use_case)
    monkeypatch.setattr(prune, "pruner", lambda: use_case)
    monkeypatch.setattr(send, "sender", lambda: use_case)
    monkeypatch.setattr(send, "report_closer", lambda: use_case)
    both = [*messages()["Records"], {"messageId": "r", "body": body_of(closing_of(attempt()))}]
    ingest.handler(kafka_event(), CONTEXT)
    claim.handler({}, CONTEXT)
    prune.handler({}, CONTEXT)
    with pytest.warns(UserWarning, match="No application metrics"):
        send.handler({"Records": both}, CONTEXT)
    assert len(left) == 5
    assert all(55 <= seconds <= 59 for seconds in left)
    assert seconds_left() == inf


def test_claim_raises_what_ended_it_after_its_counts_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was claimed was claimed."""
    report = ClaimReport(claimed=3, failure=ConnectionError("no database"))
    monkeypatch.setattr(claim, "claimer", lambda: UseCase(report))
    with pytest.raises(ConnectionError, match="no database"):
        claim.handler({}, CONTEXT)
    [document] = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "CloudWatchMetrics" in line]
    assert document["Claimed"] == [3.0]
