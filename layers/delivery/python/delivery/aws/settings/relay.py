"""What the relay reads."""

from pydantic import Field

from delivery.aws.settings.database import ServingSettings
from delivery.aws.settings.kafka import WithKafka
from delivery.aws.settings.types import MINUTE
from delivery.aws.variables import Section


class RelayTuning(Section):
    batch_size: int = Field(
        500, ge=1, le=5_000, serialization_alias="RELAY_BATCH_SIZE", description="outbox rows leased by one statement"
    )
    # The least leaves room for Kafka's time-out and the marks after it.
    lease_seconds: int = Field(
        MINUTE,
        ge=30,
        le=15 * MINUTE,
        serialization_alias="RELAY_LEASE_SECONDS",
        description="after this, another relay takes the rows of one that died",
    )


class RelaySettings(ServingSettings, WithKafka, RelayTuning):
    pass
