"""Compares one event with what was found of it, and gives a verdict. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from delivery.domain.record import OPEN_STATUSES
from local.demo.observer import Findings, Row
from local.demo.publishing.event_kinds import (
    DEAD_IN_OUTBOX,
    IGNORED,
    LEFT_NOTHING,
    REJECTED,
    Publication,
    Published,
    Written,
)

_ON_ITS_WAY = ("pending", "published")


class Verdict(StrEnum):
    ACCOUNTED = "accounted for"
    UNFINISHED = "unfinished"
    LOST = "lost"
    UNEXPECTED = "unexpected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    published: Publication
    verdict: Verdict
    #: The event's end in a word or two.
    became: str
    #: What is wrong, if anything.
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the service has certainly come. Nothing more can come from events before these places."""

    #: Partition → last offset.
    partitions: Mapping[int, int]
    #: The last row's id.
    outbox: int


def judge(published: Publication, found: Findings, progress: Progress) -> Judgement:
    row = found.rows.get(published.event.dedupe_key or "")
    if isinstance(published, Written):
        return _judge_written(published, row, found, progress.outbox)
    expected, reject = published.event.expected, found.rejects.get(published.position)
    if expected.reject:
        return _judge_reject(published, reject)
    if reject:
        return _judgement(published, Verdict.UNEXPECTED, f"{REJECTED}{reject}", f"became a reject, not {expected}")
    if expected.status:
        return _judge_row(published, row, found)
    return _judge_ignored(published, row, progress.partitions.get(published.partition, -1))


def _judge_written(written: Written, row: Row | None, found: Findings, consumed_up_to: int) -> Judgement:
    expected, there = written.event.expected, found.outbox.get(written.outbox_id)
    if expected.outbox is None:
        return _judge_rolled_back(written, row, found, consumed_up_to)
    if there is None or written.task_id not in found.tasks:
        return _judgement(written, Verdict.LOST, "nothing", "was committed, but a row of its transaction is not there")
    if there.status in _ON_ITS_WAY:
        return _judgement(written, Verdict.UNFINISHED, f"{there.status} in the outbox", f"is still {there.status}")
    if there.status != expected.outbox:
        reason = f"is {there.status} in the outbox ({there.last_error}), not {expected.outbox}"
        return _judgement(written, Verdict.UNEXPECTED, f"{there.status} in the outbox", reason)
    if expected.status:
        return _judge_row(written, row, found)
    return _judgement(written, Verdict.ACCOUNTED, DEAD_IN_OUTBOX)


def _judge_rolled_back(written: Written, row: Row | None, found: Findings, consumed_up_to: int) -> Judgement:
    """Rolled back rows never appear, so only a later row that got through proves that they will not come."""
    if row or written.outbox_id in found.outbox or written.task_id in found.tasks:
        return _judgement(written, Verdict.UNEXPECTED, "something", "was rolled back, and yet something of it is there")
    if consumed_up_to < written.outbox_id:
        return _judgement(written, Verdict.LOST, "nothing", "no later row of the outbox has got through")
    return _judgement(written, Verdict.ACCOUNTED, LEFT_NOTHING)


def _judge_reject(published: Published, reject: str | None) -> Judgement:
    expected = published.event.expected.reject
    if reject is None:
        return _judgement(published, Verdict.LOST, "nothing", f"left no reject; {expected} was expected")
    if reject != expected:
        return _judgement(published, Verdict.UNEXPECTED, f"{REJECTED}{reject}", f"rejected as {reject}, not {expected}")
    return _judgement(published, Verdict.ACCOUNTED, f"{REJECTED}{reject}")


def _judge_ignored(published: Published, row: Row | None, processed_up_to: int) -> Judgement:
    if row is not None:
        return _judgement(
            published, Verdict.UNEXPECTED, row.status, "became a notification, although it is for another service"
        )
    if published.offset > processed_up_to:
        return _judgement(published, Verdict.LOST, "nothing", "nothing after it in its partition was processed")
    return _judgement(published, Verdict.ACCOUNTED, IGNORED)


def _judge_row(published: Publication, row: Row | None, found: Findings) -> Judgement:
    expected = published.event.expected
    if row is None:
        return _judgement(published, Verdict.LOST, "nothing", "left no row")
    if row.status in OPEN_STATUSES:
        return _judgement(published, Verdict.UNFINISHED, row.status, f"is still {row.status}")
    if row.status != expected.status:
        reason = f"is {row.status} ({row.error_code}), not {expected.status}"
        return _judgement(published, Verdict.UNEXPECTED, row.status, reason)
    return _judge_final_row(published, row, found)


def _judge_final_row(published: Publication, row: Row, found: Findings) -> Judgement:
    expected = published.event.expected
    accepted = found.accepted.get(row.record_id, 0)
    if accepted < expected.accepted:
        return _judgement(published, Verdict.LOST, row.status, "is marked sent, but Feishu never accepted it")
    if accepted and not expected.accepted:
        return _judgement(published, Verdict.UNEXPECTED, row.status, f"is {row.status}, but Feishu accepted it")
    if expected.code and row.error_code != expected.code and not found.lost_attempts.get(row.record_id):
        reason = f"is {row.status} because of {row.error_code}, not {expected.code}"
        return _judgement(published, Verdict.UNEXPECTED, row.status, reason)
    return _judgement(published, Verdict.ACCOUNTED, row.status)


def _judgement(published: Publication, verdict: Verdict, became: str, reason: str = "") -> Judgement:
    return Judgement(published=published, verdict=verdict, became=str(became), reason=reason)
