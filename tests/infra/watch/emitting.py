"""Prints the metrics of one invocation as its function emits them: `python -m tests.infra.watch.emitting claim`."""

import sys
from collections.abc import Callable, Mapping

from delivery.aws import telemetry
from delivery.aws.send_telemetry import SendTelemetry
from delivery.claim import ClaimReport
from delivery.domain.contract import RejectCode
from delivery.domain.intake import Reject
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
from delivery.domain.transition import Closing, after_attempt
from delivery.ingest import IngestReport
from delivery.prune import PruneReport
from delivery.relay import RelayReport
from tests.unit.samples import NOW, RETRY, attempt, kafka_record


def ingest() -> None:
    source = kafka_record(b"")
    rejects = [Reject(source=source, code=code, reason="why") for code in RejectCode]
    telemetry.observe_ingest(IngestReport(rejects=rejects, skipped={"order.paid": 1}, queue_refused="AccessDenied"))


def claim() -> None:
    telemetry.observe_claim(ClaimReport(queue_refused="AccessDenied"))


def relay() -> None:
    telemetry.observe_relay(RelayReport(trouble="no broker answers"))


def prune() -> None:
    kinds = ("records", "rejects", "outbox", "outbox_dead")
    telemetry.observe_prune(PruneReport(deleted=dict.fromkeys(kinds, 0), oldest_kept_seconds=dict.fromkeys(kinds, 0.0)))


def send() -> None:
    """Every state that an attempt leads to, and all of the trouble that keeps one from it."""
    told, said = SendTelemetry(), Exchange(http_status=502, latency_ms=1)
    code, reason = ErrorCode.SERVER_ERROR, "broken"
    outcomes = (
        Delivered(provider_message_id="m", exchange=said),
        TemporaryFailure(code=code, reason=reason, exchange=said),
        PermanentFailure(code=code, reason=reason, exchange=said),
        NoRecipient(reason="none"),
        NotStarted(reason="no time"),
    )
    closings = [_closing(outcome) for outcome in outcomes]
    for closing in closings:
        told.closed(closing, won=True)
    told.reported(closings, "why")
    told.unreported(closings, "why")
    told.held([1], "why")


def _closing(outcome: Outcome) -> Closing:
    one = attempt(summary_text="")
    transition = after_attempt(one, outcome, RETRY, NOW)
    return Closing(attempt=one, outcome=outcome, transition=transition, finished_at=NOW)


WORDS: Mapping[str, Callable[[], None]] = {
    "ingest": ingest,
    "claim": claim,
    "send": send,
    "relay": relay,
    "prune": prune,
}

if __name__ == "__main__":
    WORDS[sys.argv[1]]()
    telemetry.metrics.flush_metrics()
