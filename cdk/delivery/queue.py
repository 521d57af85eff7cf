"""The queue of pointers between the stages, and the dead letters beside it."""

from aws_cdk import Duration
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk.settings.functions import Queue

#: as long as SQS keeps anything: time for a person to look
_DEAD_LETTER_RETENTION = Duration.days(14)


class SendQueue(Construct):
    """A lost pointer is harmless, since its row comes due again; so a dead letter tells of a defect, not of a loss."""

    def __init__(self, scope: Construct, name: str, *, settings: Queue, visibility: Duration) -> None:
        super().__init__(scope, name)
        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            retention_period=_DEAD_LETTER_RETENTION,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
        )
        self.queue = sqs.Queue(
            self,
            "Queue",
            visibility_timeout=visibility,
            retention_period=Duration.seconds(settings.retention_seconds),
            dead_letter_queue=sqs.DeadLetterQueue(
                queue=self.dead_letters, max_receive_count=settings.max_receive_count
            ),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
        )
