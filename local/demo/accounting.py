"""Sums up what became of a whole run, kind by kind, and whether it is in order. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from local.demo.judging import Judgement, Progress, Verdict, judge
from local.demo.observer import Findings, Row
from local.demo.publishing.event_kinds import Kind, Publication, Published


@dataclass(frozen=True, slots=True, kw_only=True)
class KindAccount:
    """One line of the table."""

    kind: Kind
    published: int
    became: Mapping[str, int]
    calls: int
    accepted: int
    #: Notifications that users saw more than once.
    repeated: int
    accounted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    judgements: Sequence[Judgement]
    #: Notifications seen more than once that no crash explains.
    doubled: Sequence[Row]
    #: Notifications seen more than once because a sender died before it could close its attempt.
    repeated_after_crash: Sequence[Row]
    by_kind: Sequence[KindAccount]

    @property
    def published(self) -> int:
        return len(self.judgements)

    def count(self, verdict: Verdict) -> int:
        return sum(judgement.verdict is verdict for judgement in self.judgements)

    @property
    def settled(self) -> bool:
        """Whether waiting longer cannot improve any verdict."""
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


def account_for(published: Sequence[Publication], found: Findings) -> Account:
    progress = Progress(partitions=_processed_up_to(published, found), outbox=_consumed_up_to(found))
    judgements = [judge(one, found, progress) for one in published]
    repeated = [row for row in found.rows.values() if found.accepted.get(row.record_id, 0) > 1]
    doubled = [row for row in repeated if not _explained_by_crash(row, found)]
    return Account(
        judgements=judgements,
        doubled=doubled,
        repeated_after_crash=[row for row in repeated if row not in doubled],
        by_kind=[_of_kind(kind, judgements, found) for kind in Kind],
    )


def rejected(published: Sequence[Publication], found: Findings) -> int:
    return sum(isinstance(one, Published) and one.position in found.rejects for one in published)


def _consumed_up_to(found: Findings) -> int:
    """The last row of the outbox that became a record or a reject."""
    return max((row_id for row_id, row in found.outbox.items() if row.status == "consumed"), default=0)


def _processed_up_to(published: Sequence[Publication], found: Findings) -> Mapping[int, int]:
    """Partition → its last offset that left a trace. Ingest reads in order, so it has read everything before."""
    last: dict[int, int] = {}
    copies = Counter(one.event.dedupe_key for one in published)
    for one in (it for it in published if isinstance(it, Published)):
        # A row may come from any copy of its event, so only an event without copies proves its offset.
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
