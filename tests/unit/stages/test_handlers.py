"""The handlers: what they give their use case, and what they answer. What the use cases do is tested elsewhere."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from delivery.aws import telemetry
from delivery.aws.queue import pack
from delivery.aws.wiring import foundation
from delivery.claim import ClaimReport
from delivery.domain.contract import RejectCode
from delivery.domain.intake import Reject
from delivery.domain.record import Pointer
from delivery.ingest import IngestReport
from delivery.send import SendReport
from functions.claim import handler as claim
from functions.ingest import handler as ingest
from functions.send import handler as send
from tests.unit.samples import NOW, encoded, event, kafka_record

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


def test_send_answers_with_the_messages_that_must_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those with unopened pointers, and those that cannot be read."""
    use_case = UseCase(SendReport(by_status={"sent": 1}, unopened=frozenset({Pointer(2, 0)})))
    monkeypatch.setattr(send, "sender", lambda: use_case)
    answer = send.handler(messages(), CONTEXT)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "b"}, {"itemIdentifier": "c"}]}
    assert use_case.given == [[Pointer(1, 0), Pointer(2, 0)]]
    assert_time_is_kept_back(use_case.until)


def test_metrics_are_flushed_at_the_end_of_each_call(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One document of CloudWatch's embedded format a call, none left over for the next."""
    monkeypatch.setattr(send, "sender", lambda: UseCase(SendReport(by_status={"sent": 2})))
    for _ in range(2):
        send.handler({"Records": []}, CONTEXT)
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "CloudWatchMetrics" in line]
    assert [one["Sent"] for one in documents] == [[2.0], [2.0]]
