"""The claim stage: a tick of the schedule in, pointers of all records that are due out."""

from aws_cdk import Duration
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk.function import Runtime, Size, StageFunction


class Claim(StageFunction):
    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        runtime: Runtime,
        size: Size,
        queue: sqs.IQueue,
        every: Duration,
        lease_seconds: int,
        batch_size: int,
        max_queued_pointers: int,
    ) -> None:
        super().__init__(
            scope,
            name,
            word="claim",
            description="Leases the records that are due and hands their pointers to the send queue",
            runtime=runtime,
            size=size,
            environment={
                "SEND_QUEUE_URL": queue.queue_url,
                "LEASE_SECONDS": str(lease_seconds),
                "CLAIM_BATCH_SIZE": str(batch_size),
                "MAX_QUEUED_POINTERS": str(max_queued_pointers),
            },
        )
        self._tick(every)

    def _tick(self, every: Duration) -> None:
        """Nothing is tried again here: the next tick finds the same rows."""
        self.function.configure_async_invoke(retry_attempts=0, max_event_age=Duration.minutes(1))
        scheduler.Schedule(
            self,
            "Schedule",
            description="Brings due notifications back to the send queue",
            schedule=scheduler.ScheduleExpression.rate(every),
            time_window=scheduler.TimeWindow.off(),
            target=targets.LambdaInvoke(self.function, retry_attempts=0, max_event_age=Duration.minutes(1)),
        )
