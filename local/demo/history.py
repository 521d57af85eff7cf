"""Tells the history of one notification from its row, its attempts and Feishu's log, in order of time. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local.demo.accounting import Account
from local.demo.observer import Findings, Row
from local.demo.publishing.event_kinds import Publication, Published, Written


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Moment:
    at: datetime
    who: str
    what: str


def most_eventful(account: Account, found: Findings) -> Row | None:
    """The most interesting notification: one sent again after a crash, or else the one with the most attempts."""
    if account.repeated_after_crash:
        return account.repeated_after_crash[0]
    crashed = [row for row in found.rows.values() if found.lost_attempts.get(row.record_id)]
    return max(crashed or found.rows.values(), key=lambda row: row.attempt_count, default=None)


def history_of(
    record: Mapping[str, Any],
    *,
    attempts: Sequence[Mapping[str, Any]],
    calls: Sequence[Mapping[str, Any]],
    published: Sequence[Publication],
    redriven_at: datetime | None = None,
) -> list[Moment]:
    """What happened to a record, and who did it, in chronological order."""
    moments = [
        *_published(published),
        Moment(at=_utc(record["created_at"]), who="ingest", what=f"recorded as notification {record['id']}, pending"),
        *_attempts(attempts, record["updated_at"]),
        *(_call(call) for call in calls),
        *_redriven(redriven_at),
    ]
    return [*sorted(moments, key=lambda moment: moment.at), _last(record)]


def _published(published: Sequence[Publication]) -> Iterator[Moment]:
    for row in (it for it in published if isinstance(it, Written)):
        what = f"wrote {row.place} in the transaction of its task {row.task_id}"
        yield Moment(at=row.ended_at, who="producer", what=what)
    copies = [it for it in published if isinstance(it, Published)]
    for number, one in enumerate(sorted(copies, key=lambda one: one.acknowledged_at), start=1):
        again = "" if number == 1 else f" (copy {number})"
        what = f"published to {one.place}{again}"
        yield Moment(at=one.acknowledged_at, who="producer", what=what)


def _attempts(attempts: Sequence[Mapping[str, Any]], last_change: datetime) -> Iterator[Moment]:
    """MySQL does not say when claim noticed a lost attempt: at the latest when the next one began, or at the end."""
    following = [*(attempt["started_at"] for attempt in attempts[1:]), last_change]
    for attempt, next_start in zip(attempts, following, strict=False):
        yield from _attempt(attempt, noticed_by=next_start)


def _attempt(attempt: Mapping[str, Any], noticed_by: datetime) -> Iterator[Moment]:
    number = attempt["attempt"]
    yield Moment(at=_utc(attempt["started_at"]), who="send", what=f"attempt {number} opened")
    if attempt["finished_at"]:
        yield Moment(at=_utc(attempt["finished_at"]), who="send", what=f"attempt {number} closed: {_outcome(attempt)}")
    else:
        what = f"has noticed that attempt {number} was never closed: {attempt['outcome']} ({attempt['error_code']})"
        yield Moment(at=_utc(noticed_by), who="claim", what=what)


def _outcome(attempt: Mapping[str, Any]) -> str:
    status = f"HTTP {attempt['http_status']}" if attempt["http_status"] else "no answer"
    took = "" if attempt["latency_ms"] is None else f" after {attempt['latency_ms']} ms"
    code = f", {attempt['error_code']}" if attempt["error_code"] else ""
    called = f" ({status}{took})" if attempt["http_status"] or took else ""
    return f"{attempt['outcome']}{code}{called}"


def _call(call: Mapping[str, Any]) -> Moment:
    answered = f"answers HTTP {call['status']}" if call["status"] else "cuts the connection"
    code = "" if call["code"] is None else f", code {call['code']}"
    fault = f" [simulated fault: {call['fault']}]" if call["fault"] else ""
    seen = "; the user sees the message" if call["accepted"] else ""
    what = f"call {call['attempt']}: {answered}{code}{seen}{fault}"
    return Moment(at=datetime.fromisoformat(call["received_at"]), who="Feishu", what=what)


def _redriven(at: datetime | None) -> Iterator[Moment]:
    if at:
        yield Moment(at=at, who="operator", what="redriven through the API: due again, with a fresh budget of attempts")


def _last(record: Mapping[str, Any]) -> Moment:
    reason = f" ({record['last_error_code']})" if record["last_error_code"] else ""
    what = f"{record['status']}{reason} after {_attempts_in_words(record['attempt_count'])}"
    return Moment(at=_utc(record["sent_at"] or record["updated_at"]), who="MySQL", what=what)


def _utc(stored: datetime) -> datetime:
    return stored.replace(tzinfo=UTC)


def _attempts_in_words(count: int) -> str:
    return "1 attempt" if count == 1 else f"{count} attempts"
