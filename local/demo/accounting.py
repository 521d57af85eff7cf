"""Compares what was published with what was found, and gives a verdict on each event and on the whole run. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from delivery.domain.record import OPEN_STATUSES
from local.demo.event_kinds import IGNORED, REJECTED, Kind, Published
from local.demo.observer import Findings, Row


class Verdict(StrEnum):
    ACCOUNTED = "accounted for"
    UNFINISHED = "unfinished"
    LOST = "lost"
    UNEXPECTED = "unexpected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    published: Published
    verdict: Verdict
    #: what became of the event, in a word or two
    became: str
    #: what is wrong, if anything is
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KindAccount:
    """One line of the table."""

    kind: Kind
    published: int
    became: Mapping[str, int]
    calls: int
    accepted: int
    #: notifications that users saw more than once
    repeated: int
    accounted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    judgements: Sequence[Judgement]
    #: seen more than once, with no crash to explain it
    doubled: Sequence[Row]
    #: seen more than once, and a sender died before it could say that it had sent it
    repeated_after_crash: Sequence[Row]
    by_kind: Sequence[KindAccount]

    @property
    def published(self) -> int:
        return len(self.judgements)

    def count(self, verdict: Verdict) -> int:
        return sum(judgement.verdict is verdict for judgement in self.judgements)

    @property
    def settled(self) -> bool:
        """Waiting longer cannot change any verdict for the better."""
        return not self.count(Verdict.UNFINISHED) and not self.count(Verdict.LOST)

    @property
    def in_order(self) -> bool:
        return self.count(Verdict.ACCOUNTED) == self.published and not self.doubled

    @property
    def problems(self) -> list[Judgement]:
        return [judgement for judgement in self.judgements if judgement.verdict is not Verdict.ACCOUNTED]

    @property
    def last_line(self) -> str:
        return (
            f"demo: {self.published} published, {self.count(Verdict.ACCOUNTED)} accounted for, "
            f"{self.count(Verdict.LOST)} lost, {len(self.doubled)} doubled"
        )


def account_for(published: Sequence[Published], found: Findings) -> Account:
    processed = _processed_up_to(published, found)
    judgements = [_judge(one, found, processed.get(one.partition, -1)) for one in published]
    repeated = [row for row in found.rows.values() if found.accepted.get(row.record_id, 0) > 1]
    doubled = [row for row in repeated if not _explained_by_crash(row, found)]
    return Account(
        judgements=judgements,
        doubled=doubled,
        repeated_after_crash=[row for row in repeated if row not in doubled],
        by_kind=[_of_kind(kind, judgements, found) for kind in Kind],
    )


def _judge(published: Published, found: Findings, processed_up_to: int) -> Judgement:
    expected = published.event.expected
    reject = found.rejects.get(published.position)
    row = found.rows.get(published.event.dedupe_key or "")
    if expected.reject:
        return _judge_reject(published, reject)
    if reject:
        return _judgement(published, Verdict.UNEXPECTED, f"{REJECTED}{reject}", f"became a reject, not {expected}")
    if expected.status:
        return _judge_row(published, row, found)
    return _judge_ignored(published, row, processed_up_to)


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


def _judge_row(published: Published, row: Row | None, found: Findings) -> Judgement:
    expected = published.event.expected
    if row is None:
        return _judgement(published, Verdict.LOST, "nothing", "left no row")
    if row.status in OPEN_STATUSES:
        return _judgement(published, Verdict.UNFINISHED, row.status, f"is still {row.status}")
    if row.status != expected.status:
        reason = f"is {row.status} ({row.error_code}), not {expected.status}"
        return _judgement(published, Verdict.UNEXPECTED, row.status, reason)
    return _judge_final_row(published, row, found)


def _judge_final_row(published: Published, row: Row, found: Findings) -> Judgement:
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


def _judgement(published: Published, verdict: Verdict, became: str, reason: str = "") -> Judgement:
    return Judgement(published=published, verdict=verdict, became=str(became), reason=reason)


def _processed_up_to(published: Sequence[Published], found: Findings) -> Mapping[int, int]:
    """The last offset of each partition that left a trace. Partitions are read in order, so all before it were read."""
    last: dict[int, int] = {}
    copies = Counter(one.event.dedupe_key for one in published)
    for one in published:
        # A row may come from any copy of its event, so only an event without copies is proof of its own offset.
        traced = copies[one.event.dedupe_key] == 1 and one.event.dedupe_key in found.rows
        if traced or one.position in found.rejects:
            last[one.partition] = max(one.offset, last.get(one.partition, -1))
    return last


def _explained_by_crash(row: Row, found: Findings) -> bool:
    return found.accepted[row.record_id] <= 1 + found.lost_attempts.get(row.record_id, 0)


def _of_kind(kind: Kind, judgements: Sequence[Judgement], found: Findings) -> KindAccount:
    mine = [judgement for judgement in judgements if judgement.published.event.kind is kind]
    keys = {judgement.published.event.dedupe_key for judgement in mine}
    ids = [row.record_id for key, row in found.rows.items() if key in keys]
    return KindAccount(
        kind=kind,
        published=len(mine),
        became=Counter(judgement.became for judgement in mine),
        calls=sum(found.calls.get(record_id, 0) for record_id in ids),
        accepted=sum(found.accepted.get(record_id, 0) for record_id in ids),
        repeated=sum(found.accepted.get(record_id, 0) > 1 for record_id in ids),
        accounted=sum(judgement.verdict is Verdict.ACCOUNTED for judgement in mine),
    )
