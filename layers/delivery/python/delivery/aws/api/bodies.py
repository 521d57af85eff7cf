"""What operators send: which rows are meant, and how."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StrictBool, StringConstraints, model_validator

from delivery.domain.operating import RecordFilter, RejectFilter
from delivery.domain.record import Status

_Word = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=191)]
_Id = Annotated[int, Field(strict=True, gt=0, lt=2**63)]
#: The most ids in one request. A filter can name more rows.
_MOST_IDS = 1_000


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class RecordsMeant(_Body):
    """Every part that is given has to hold."""

    user_id: _Id | None = None
    status: list[Status] = Field(default=[], max_length=len(Status))
    code: _Word | None = None
    way: _Word | None = None
    trigger_id: _Word | None = None
    trigger_type: _Word | None = None
    preview_id: _Word | None = None
    dedupe_key: _Word | None = None
    created_from: AwareDatetime | None = None
    created_before: AwareDatetime | None = None

    def as_filter(self) -> RecordFilter:
        given = self.model_dump(exclude={"status"})
        return RecordFilter(statuses=frozenset(self.status), **given)


class RejectsMeant(_Body):
    """Every part that is given has to hold."""

    code: _Word | None = None
    topic: _Word | None = None
    replayed: StrictBool | None = None
    created_from: AwareDatetime | None = None
    created_before: AwareDatetime | None = None

    def as_filter(self) -> RejectFilter:
        return RejectFilter(**self.model_dump())


class _Operation(_Body):
    ids: list[_Id] | None = Field(None, min_length=1, max_length=_MOST_IDS, description="these rows, and no filter")
    dry_run: StrictBool = Field(False, description="only count what would change")
    next: str | None = Field(None, max_length=400, description="where an earlier answer said to go on")


class RedriveBody(_Operation):
    """`ids` or a `filter` names the records to redrive. Records that have not ended are left alone."""

    filter: RecordsMeant | None = None
    per_second: int = Field(200, strict=True, ge=1, le=10_000, description="how many of them come due in a second")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        _check(self.ids, self.filter)
        return self


class ReplayBody(_Operation):
    """`ids` or a `filter` names the rejects to run through ingest again."""

    filter: RejectsMeant | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        _check(self.ids, self.filter)
        return self


class ResealBody(_Body):
    """Seals stored credentials under the newest data key."""

    next: int = Field(0, strict=True, ge=0, lt=2**63, description="where an earlier answer said to go on")


def _check(ids: object, wanted: object) -> None:
    if (ids is None) == (wanted is None):
        raise ValueError("give either ids or a filter; {} is a filter that means all")
