"""The claim stage: at every tick of a schedule, it sends the pointers of all records that are due."""

from aws_cdk import Duration
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk.delivery.function import StageFunction
from cdk.delivery.runtime import Runtime
from cdk.delivery.schedule import tick
from cdk.settings.environment import environment
from cdk.settings.stage import StageSettings
from delivery.aws.settings.claim import ClaimSettings


class Claim(StageFunction):
    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        runtime: Runtime,
        stage: StageSettings,
        queue: sqs.IQueue,
        reports: sqs.IQueue,
    ) -> None:
        super().__init__(
            scope,
            name,
            word="claim",
            description="Leases the records that are due and hands their pointers to the send queue",
            runtime=runtime,
            size=stage.claim,
            environment={
                **environment(ClaimSettings, stage, stage.claim),
                "SEND_QUEUE_URL": queue.queue_url,
                "REPORT_QUEUE_URL": reports.queue_url,
            },
        )
        every = Duration.minutes(stage.claim.every_minutes)
        tick(self, every=every, description="Brings due notifications back to the send queue")
