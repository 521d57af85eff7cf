"""What claim reads."""

from pydantic import Field

from delivery.aws.settings.database import ServingSettings
from delivery.aws.settings.types import Lease, QueueUrl
from delivery.aws.variables import Section


class ClaimTuning(Section):
    batch_size: int = Field(
        500, ge=1, le=5_000, serialization_alias="CLAIM_BATCH_SIZE", description="rows leased by one statement"
    )
    max_queued_pointers: int = Field(
        20_000, ge=1, le=1_000_000, description="while this many pointers are queued, due rows wait in MySQL"
    )


class ClaimSettings(ServingSettings, ClaimTuning):
    send_queue_url: QueueUrl
    report_queue_url: QueueUrl
    lease_seconds: Lease
