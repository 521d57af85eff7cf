"""The routes of operators: look-ups, redrive and replay."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from aws_lambda_powertools.event_handler import Response

from delivery.aws.api.answers import answered, not_found, wrong_param
from delivery.aws.api.bodies import RecordsMeant, RedriveBody, RejectsMeant, ReplayBody, ResealBody
from delivery.aws.api.fitting import beginning, first_headers, fitting, value_part
from delivery.aws.api.places import place_of, redriven_to, word_of
from delivery.domain.operating import Page, Replayed
from delivery.operate import Redriver, Replayer
from delivery.resealing import Resealer, Rotation
from delivery.storage.operating.audited import Audit
from delivery.storage.operating.counting import RecordCounts
from delivery.storage.operating.rejected import Rejects
from delivery.storage.operating.searching import RecordSearch

_LONGEST_COUNT = timedelta(days=31)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operating:
    """The objects that answer operators' requests."""

    search: RecordSearch
    counts: RecordCounts
    rejects: Rejects
    audit: Audit
    redriver: Redriver
    replayer: Replayer
    rotation: Rotation
    resealer: Resealer


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorRoutes:
    operating: Callable[[], Operating]

    def records(self, wanted: RecordsMeant, *, size: int, after: str | None) -> Response[str]:
        return _listed(self.operating().search.page(wanted.as_filter(), after=place_of(after), size=size))

    def record(self, record_id: int) -> Response[str]:
        found = self.operating().search.record(record_id)
        if found is None:
            raise not_found(f"there is no record {record_id}")
        record, attempts = found
        return answered({**record, "attempts": attempts})

    def counts(self, *, since: datetime, before: datetime, stretch: timedelta) -> Response[str]:
        if not since < before <= since + _LONGEST_COUNT:
            raise wrong_param("created_from should be before created_before, by 31 days at most")
        counts = self.operating().counts
        counted = counts.over_time(since=since, before=before, stretch=stretch)
        return answered({"open": counts.open_now(), "counts": [one._asdict() for one in counted]})

    def rejects(self, wanted: RejectsMeant, *, size: int, after: str | None) -> Response[str]:
        page = self.operating().rejects.page(wanted.as_filter(), after=place_of(after), size=size)
        return _listed(page)

    def reject(self, reject_id: int, *, value_from: int) -> Response[str]:
        """The reject with its bytes in base64, and also as text if they are text."""
        for found in self.operating().rejects.whole([reject_id]):
            headers = list(first_headers(found.source.headers))
            shown = {
                "key": beginning(found.source.key),
                "value": value_part(found.source.value, begin=value_from),
                "headers": headers,
                "headers_left_out": len(found.source.headers) - len(headers),
            }
            return answered({**found.known, **shown, "is_whole": found.is_whole})
        raise not_found(f"there is no reject {reject_id}")

    def redrive(self, body: RedriveBody, *, actor: str, until: datetime) -> Response[str]:
        redriver = self.operating().redriver
        if body.ids is not None:
            return answered({"changed": redriver.some(body.ids, actor=actor, dry_run=body.dry_run), "next": None})
        done = redriver.run(
            (body.filter or RecordsMeant()).as_filter(),
            actor=actor,
            per_second=body.per_second,
            until=until,
            begin=redriven_to(body.next),
            dry_run=body.dry_run,
        )
        return answered({"changed": done.changed, "next": word_of(done.next, due_at=done.due_at)})

    def replay(self, body: ReplayBody, *, actor: str, until: datetime) -> Response[str]:
        replayer = self.operating().replayer
        if body.ids is not None:
            return answered(_replayed(replayer.some(body.ids, actor=actor, dry_run=body.dry_run)))
        begin = Replayed(next=place_of(body.next))
        wanted = (body.filter or RejectsMeant()).as_filter()
        return answered(_replayed(replayer.run(wanted, actor=actor, until=until, begin=begin, dry_run=body.dry_run)))

    def rotate(self, *, actor: str) -> Response[str]:
        return answered({"key_id": self.operating().rotation.rotate(actor=actor)})

    def reseal(self, body: ResealBody, *, actor: str, until: datetime) -> Response[str]:
        return answered(asdict(self.operating().resealer.run(actor=actor, until=until, begin=body.next)))

    def audit(self, *, size: int, after: str | None) -> Response[str]:
        return _listed(self.operating().audit.page(after=place_of(after), size=size))


def _listed(page: Page) -> Response[str]:
    kept = fitting(page)
    return answered({"items": kept.rows, "next": word_of(kept.next)})


def _replayed(done: Replayed) -> Mapping[str, Any]:
    still = [{"id": reject_id, "reason": reason} for reject_id, reason in sorted(done.still_rejected.items())]
    return {"accepted": done.accepted, "still_rejected": still, "next": word_of(done.next)}
