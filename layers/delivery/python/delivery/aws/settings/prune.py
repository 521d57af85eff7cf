"""What prune reads."""

from collections.abc import Mapping

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
        0.5, ge=0, le=60, description="the pause after each set, which is at least nine times as long as the set took"
    )

    @property
    def days(self) -> Mapping[str, int]:
        """Kind of row, as its store, metrics and logs name it → days."""
        return {
            "records": self.record_days,
            "rejects": self.reject_days,
            "outbox": self.outbox_days,
            "outbox_dead": self.reject_days,
        }


class PruneSettings(ServingSettings, PruneTuning):
    pass
