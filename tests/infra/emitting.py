"""Prints the metrics of one invocation as the stage's function emits them: `python -m tests.infra.emitting claim`."""

import sys
from collections.abc import Callable, Mapping

from delivery.aws import telemetry
from delivery.claim import ClaimReport
from delivery.domain.contract import RejectCode
from delivery.domain.outcome import Delivered, Exchange
from delivery.domain.transition import Closing, after_attempt
from delivery.ingest import IngestReport
from delivery.send import SendReport
from tests.unit.samples import NOW, RETRY, attempt


def ingest() -> None:
    telemetry.observe_ingest(IngestReport(rejected={code.value: 1 for code in RejectCode}))


def claim() -> None:
    telemetry.observe_claim(ClaimReport())


def send() -> None:
    one, outcome = attempt(summary_text=""), Delivered(provider_message_id="m", exchange=Exchange(latency_ms=1))
    transition = after_attempt(one, outcome, RETRY, NOW)
    telemetry.observe_attempt(Closing(attempt=one, outcome=outcome, transition=transition, finished_at=NOW), won=True)
    telemetry.observe_send(SendReport())


WORDS: Mapping[str, Callable[[], None]] = {"ingest": ingest, "claim": claim, "send": send}

if __name__ == "__main__":
    WORDS[sys.argv[1]]()
    telemetry.metrics.flush_metrics()
