"""The queues: pointers between the stages, and outcomes that MySQL could not take; dead letters beside each."""

from aws_cdk import Duration
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk.settings.sections.functions import Queue

#: SQS's longest retention, to give a person time to look.
_LONGEST_RETENTION = Duration.days(14)
#: With a visibility time-out of some minutes this is a day or more, because MySQL may be down for hours.
_REPORT_RECEIVES = 240
#: Most outages are over by then, so the first receive succeeds.
_REPORT_DELAY = Duration.seconds(15)


class _QueueWithDeadLetters(Construct):
    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        visibility: Duration,
        retention: Duration,
        receives: int,
        delay: Duration | None = None,
    ) -> None:
        super().__init__(scope, name)
        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            retention_period=_LONGEST_RETENTION,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
        )
        self.queue = sqs.Queue(
            self,
            "Queue",
            visibility_timeout=visibility,
            retention_period=retention,
            delivery_delay=delay,
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=receives),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
        )


class SendQueue(_QueueWithDeadLetters):
    """A lost pointer is harmless, because its row comes due again. So a dead letter shows a defect, not a loss."""

    def __init__(self, scope: Construct, name: str, *, settings: Queue, visibility: Duration) -> None:
        super().__init__(
            scope,
            name,
            visibility=visibility,
            retention=Duration.seconds(settings.retention_seconds),
            receives=settings.max_receive_count,
        )


class ReportQueue(_QueueWithDeadLetters):
    """A lost report may mean that a message comes twice, so a person must look at each dead letter."""

    def __init__(self, scope: Construct, name: str, *, visibility: Duration) -> None:
        super().__init__(
            scope,
            name,
            visibility=visibility,
            retention=_LONGEST_RETENTION,
            receives=_REPORT_RECEIVES,
            delay=_REPORT_DELAY,
        )
