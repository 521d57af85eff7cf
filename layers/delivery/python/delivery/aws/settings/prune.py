"""What prune reads."""

from pydantic import Field

from delivery.aws.settings.database import ServingSettings
from delivery.aws.variables import Section

_TEN_YEARS = 3_650


class PruneTuning(Section):
    record_days: int = Field(
        90,
        ge=0,
        le=_TEN_YEARS,
        description="final records and their attempts are deleted so many days after they ended, with 0 never; "
        "an event that is repeated after that is a new notification",
    )
    reject_days: int = Field(
        90,
        ge=0,
        le=_TEN_YEARS,
        description="the same for rejects, from when they came or were replayed, and for outbox rows that are `dead`",
    )
    outbox_days: int = Field(
        7, ge=0, le=_TEN_YEARS, description="the same for outbox rows that are `consumed`, from when they were"
    )
    set_size: int = Field(1_000, ge=1, le=5_000, description="rows deleted by one transaction")
    pause_seconds: float = Field(
        0.5, ge=0, le=60, description="after each set; no shorter than the set took, so that MySQL has time for others"
    )


class PruneSettings(ServingSettings, PruneTuning):
    pass
