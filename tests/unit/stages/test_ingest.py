"""Ingest's own logic: what it hands to storage, and that its report accounts for every record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.domain.contract import RejectCode
from delivery.domain.intake import Intake, KafkaRecord, Reject, Stored
from delivery.domain.record import Pointer, QueueDown
from delivery.ingest import Ingester, IngestReport
from tests.unit.samples import NOW, event, kafka_record, payload

KINDS = {
    "good": event(),
    "another": event(payload=payload(dedupe_key="another")),
    "known": event(payload=payload(dedupe_key="known")),
    "refused": event(payload=payload(dedupe_key="refused")),
    "foreign": event(service_name="calendar", event_type="calendar.changed"),
    "elsewhere": event(service_name="calendar"),
    "malformed": event(payload=payload(user_id=0)),
    "poison": b"\xff",
    "missing": None,
}


@dataclass
class Recorder:
    """Knows one row already, and refuses another, as MySQL might."""

    intakes: list[Intake] = field(default_factory=list)
    stored_with: tuple[datetime, datetime, int] | None = None
    error: Exception | None = None

    def store(self, intake: Intake, *, now: datetime, handoff_at: datetime, max_attempts: int) -> Stored:
        if self.error:
            raise self.error
        self.intakes.append(intake)
        self.stored_with = now, handoff_at, max_attempts
        asked = [*intake.requests, *intake.repeated]
        refused = [request for request in asked if request.record.dedupe_key == "refused"]
        kept = [request for request in intake.requests if request not in refused]
        return Stored(
            created=sum(request.record.dedupe_key != "known" for request in kept),
            pointers=[Pointer(number, 0) for number, _ in enumerate(kept, 1)],
            refused=[Reject(source=r.source, code=RejectCode.STORAGE_REJECTED, reason="refused") for r in refused],
        )


@dataclass
class Queue:
    down: bool = False
    words: str = "no queue"
    published: list[Pointer] = field(default_factory=list)

    def publish(self, pointers: Sequence[Pointer]) -> None:
        if self.down:
            raise QueueDown(self.words)
        self.published.extend(pointers)


def ingester(recorder: Recorder, queue: Queue) -> Ingester:
    return Ingester(
        recorder=recorder,
        queue=queue,
        handoff_deadline=timedelta(minutes=5),
        max_attempts=5,
        url_prefixes=("/assistant/",),
        now=lambda: NOW,
    )


def batch(*kinds: str) -> list[KafkaRecord]:
    return [kafka_record(KINDS[kind], offset=offset) for offset, kind in enumerate(kinds)]


@given(st.lists(st.sampled_from(sorted(KINDS)), max_size=12), st.booleans())
def test_the_report_accounts_for_every_record(kinds: list[str], down: bool) -> None:  # noqa: FBT001 - given
    """requested + duplicates + skipped + rejected = received, whatever the batch and whether or not the queue is up."""
    report = ingester(Recorder(), Queue(down=down)).run(batch(*kinds))
    assert report.received == len(kinds)
    parts = [report.requested, report.duplicates, *report.skipped.values(), *report.rejected.values()]
    assert sum(parts) == report.received
    assert min(parts) >= 0
    assert sum(report.skipped.values()) == kinds.count("foreign")


def test_each_kind_is_counted_under_its_name() -> None:
    """Duplicates inside the batch and of rows that exist are duplicates alike."""
    report = ingester(Recorder(), Queue()).run(
        batch("good", "good", "good", "known", "refused", "foreign", "elsewhere", "malformed", "poison", "missing")
    )
    assert (report.requested, report.duplicates, report.skipped) == (1, 3, {"calendar.changed": 1})
    assert report.rejected == {
        "addressed_elsewhere": 1,
        "payload_invalid": 1,
        "envelope_invalid": 2,
        "storage_rejected": 1,
    }
    assert (report.published, report.queue_refused) == (2, "")


def test_what_is_passed_over_is_counted_by_type_within_bounds() -> None:
    """Ten types, the most frequent ones, by their first 64 characters; whatever else came is counted together."""
    types = [*(f"type-{number}" for number in range(30)), *["frequent"] * 3, *["x" * 64 + "1", "x" * 64 + "2"]]
    values = [event(service_name="calendar", event_type=name) for name in types]
    report = ingester(Recorder(), Queue()).run([kafka_record(value) for value in values])
    assert len(report.skipped) == 11
    assert (report.skipped["frequent"], report.skipped["x" * 64]) == (3, 2)
    assert (report.skipped["other"], sum(report.skipped.values())) == (22, len(types))


def test_a_type_of_the_name_other_is_counted_with_the_others() -> None:
    """Rather than in place of them."""
    types = [*(f"type-{number}" for number in range(12)), "other", "other"]
    values = [event(service_name="", event_type=name) for name in types]
    report = ingester(Recorder(), Queue()).run([kafka_record(value) for value in values])
    assert (report.skipped["other"], sum(report.skipped.values())) == (5, 14)


def test_duplicates_collapse_before_they_are_stored_and_are_kept_whole() -> None:
    """The first one counts; storage takes the next if MySQL refuses it, and settles the outbox rows of all."""
    recorder = Recorder()
    values = [event(outbox_id=1), event(outbox_id=2), event(outbox_id=...)]
    ingester(recorder, Queue()).run([kafka_record(value, offset=o) for o, value in enumerate(values)])
    [intake] = recorder.intakes
    assert [(request.outbox_id, request.source.offset) for request in intake.requests] == [(1, 0)]
    assert [(request.outbox_id, request.source.offset) for request in intake.repeated] == [(2, 1), (0, 2)]


def test_rejects_keep_their_source_whole() -> None:
    """Topic, offset, key and value as they came; the report has them, too, with those that MySQL refused."""
    recorder = Recorder()
    records = batch("poison", "malformed", "refused")
    report = ingester(recorder, Queue()).run(records)
    assert [reject.source for reject in recorder.intakes[0].rejects] == records[:2]
    assert [reject.source for reject in report.rejects] == records


def test_a_dry_run_names_the_rejects_and_keeps_nothing() -> None:
    """An operator asks it before a replay."""
    recorder, queue, records = Recorder(), Queue(), batch("good", "foreign", "malformed", "poison")
    rejects = ingester(recorder, queue).would_reject(records)
    assert [(reject.source, reject.code.value) for reject in rejects] == [
        (records[2], "payload_invalid"),
        (records[3], "envelope_invalid"),
    ]
    assert (recorder.intakes, queue.published) == ([], [])


def test_a_reject_has_the_reason_and_the_outbox_row_of_its_event() -> None:
    """Whoever looks into either table finds the other, and why."""
    recorder = Recorder()
    ingester(recorder, Queue()).run([kafka_record(event(outbox_id=9, payload=payload(user_id=0)))])
    [reject] = recorder.intakes[0].rejects
    assert (reject.outbox_id, reject.reason) == (9, "user_id: should be greater than 0")


def test_the_whole_batch_is_stored_at_once_with_the_deadline_of_its_handoff() -> None:
    """One transaction whatever its size."""
    recorder = Recorder()
    ingester(recorder, Queue()).run(batch("good", "another", "poison"))
    assert len(recorder.intakes) == 1
    assert recorder.stored_with == (NOW, NOW + timedelta(minutes=5), 5)


def test_a_queue_that_is_down_does_not_fail_the_batch() -> None:
    """The rows are safe, and come due again at the hand-off deadline."""
    report = ingester(Recorder(), Queue(down=True)).run(batch("good", "another"))
    assert (report.queue_refused, report.published, report.requested) == ("no queue", 0, 2)


def test_a_database_that_is_down_fails_the_batch_and_nothing_is_published() -> None:
    """Lambda delivers it again."""
    queue = Queue()
    with pytest.raises(ConnectionError, match="no database"):
        ingester(Recorder(error=ConnectionError("no database")), queue).run(batch("good"))
    assert queue.published == []


def test_a_queue_that_is_down_without_a_word_is_down_all_the_same() -> None:
    """Nothing was published, and nobody may be told that it was."""
    report = ingester(Recorder(), Queue(down=True, words="")).run(batch("good"))
    assert (report.queue_refused, report.published) == ("no reason given", 0)


def test_a_report_of_nothing_counts_nothing() -> None:
    """As of an empty batch."""
    nothing = IngestReport()
    assert (nothing.received, nothing.requested, nothing.duplicates, nothing.published) == (0, 0, 0, 0)
    assert (nothing.skipped, nothing.rejected, nothing.queue_refused) == ({}, {}, "")
    assert ingester(Recorder(), Queue()).run([]).received == 0
