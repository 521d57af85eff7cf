"""The functions of a stage, the queue between them, and where its alarms go."""

import math
from typing import Annotated

from pydantic import Field, Tag

from cdk.settings.sections.section import StageSection, chosen_by
from delivery.aws.settings.claim import ClaimTuning
from delivery.aws.settings.ingest import Attempts
from delivery.aws.settings.prune import PruneTuning
from delivery.aws.settings.relay import RelayTuning
from delivery.aws.settings.send import Backoff, SendTuning
from delivery.aws.settings.types import DAY, HOUR, MINUTE

#: The minimum that SQS accepts: there are few reports, and after an outage MySQL is busy enough.
REPORTS_AT_ONCE = 2
_TOPIC = r"^arn:aws[a-z-]*:sns:[^:]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$"


class FunctionSize(StageSection):
    timeout_seconds: int
    memory_mb: int = Field(512, ge=128, le=10_240)
    reserved_concurrency: int | None = Field(None, ge=1, le=100_000)
    """so many run at once at most, and for [so many there is room](operations.md#reserved-concurrency)"""


class Ingest(FunctionSize):
    timeout_seconds: int = Field(60, ge=1, le=14 * MINUTE)
    """Lambda gives a Kafka batch 14 minutes"""


class Claim(FunctionSize, ClaimTuning):
    every_minutes: int = Field(1, ge=1, le=59)
    timeout_seconds: int = Field(55, ge=5, le=15 * MINUTE)
    """just under a minute, so that one tick ends before the next begins"""


class Send(FunctionSize, SendTuning):
    max_concurrency: int = Field(5, ge=2, le=1_000)
    """how many functions send at once"""
    timeout_seconds: int = Field(60, ge=5, le=15 * MINUTE)
    """of one batch of up to 200 notifications"""


class Relay(FunctionSize, RelayTuning):
    memory_mb: int = Field(256, ge=128, le=10_240)
    timeout_seconds: int = Field(90, ge=20, le=15 * MINUTE)
    """it begins every minute and looks for rows until 17 seconds before this: with 90, one always looks"""

    @property
    def at_once(self) -> int:
        """How many run at the same time if each uses all of its time."""
        return math.ceil(self.timeout_seconds / MINUTE)


class Prune(FunctionSize, PruneTuning):
    every_minutes: int = Field(60, ge=5, le=24 * 60)
    timeout_seconds: int = Field(5 * MINUTE, ge=30, le=15 * MINUTE)
    """after this a run ends, and the next one continues where it stopped"""


class Migrate(FunctionSize):
    timeout_seconds: int = Field(15 * MINUTE, ge=6 * MINUTE, le=15 * MINUTE)
    """of all migrations of a deployment; another one that runs is waited for up to 300"""


class Queue(StageSection):
    retention_seconds: int = Field(4 * DAY, ge=MINUTE, le=14 * DAY)
    """how long a pointer may wait"""
    visibility_seconds: int | None = Field(None, ge=0, le=12 * HOUR)
    """how long a received message is hidden; without it 6 times `send.timeout_seconds`, which is also the least"""
    max_receive_count: int = Field(5, ge=1, le=1_000)
    """after so many receives a message becomes a dead letter"""


class Retry(StageSection, Attempts, Backoff):
    pass


class AlarmsToTopic(StageSection):
    topic_arn: str = Field(pattern=_TOPIC, title="the ARN of an SNS topic")
    """an existing topic that CloudWatch may publish to; every alarm goes there, and its end"""


class AlarmsByMail(StageSection):
    email: str = Field(pattern=r"^[^\s@]+@[^\s@]+\.[^\s@]+$", title="an e-mail address")
    """instead: a new topic that mails them there, once the first mail is confirmed"""


Alarms = Annotated[
    Annotated[AlarmsToTopic, Tag("with topic_arn")] | Annotated[AlarmsByMail, Tag("with email")],
    chosen_by("topic_arn", "email"),
    Field(title="an object with topic_arn or email"),
]
