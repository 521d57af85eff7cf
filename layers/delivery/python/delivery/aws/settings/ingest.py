"""What ingest reads."""

from pydantic import Field

from delivery.aws.settings.database import ServingSettings
from delivery.aws.settings.types import HandoffDeadline, QueueUrl, UrlPrefixes
from delivery.aws.variables import Section


class Attempts(Section):
    max_attempts: int = Field(5, ge=1, le=100, description="after so many attempts a record is dead")


class IngestSettings(ServingSettings, Attempts):
    send_queue_url: QueueUrl
    handoff_deadline_seconds: HandoffDeadline
    allowed_url_prefixes: UrlPrefixes
