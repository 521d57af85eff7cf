"""The claim stage: at every tick of a schedule, it sends the pointers of all records that are due."""

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk.delivery.function import StageFunction
from cdk.delivery.runtime import Runtime
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
        self._tick(Duration.minutes(stage.claim.every_minutes))

    def _tick(self, every: Duration) -> None:
        """A tick that failed is not tried again, by the schedule or by Lambda: the next one finds the same rows."""
        self.function.configure_async_invoke(retry_attempts=0, max_event_age=Duration.minutes(1))
        scheduler.CfnSchedule(
            self,
            "Schedule",
            description="Brings due notifications back to the send queue",
            schedule_expression=scheduler.ScheduleExpression.rate(every).expression_string,
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=self.function.function_arn,
                role_arn=self._caller().role_arn,
                retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                    maximum_retry_attempts=0, maximum_event_age_in_seconds=60
                ),
            ),
        )

    def _caller(self) -> iam.Role:
        """The scheduler's role: this function and no version or alias of it, which the CDK's own target would add."""
        invoke = iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[self.function.function_arn])
        account = {"StringEquals": {"aws:SourceAccount": Stack.of(self).account}}
        return iam.Role(
            self,
            "ScheduleRole",
            assumed_by=iam.ServicePrincipal("scheduler.amazonaws.com", conditions=account),
            inline_policies={"Invoke": iam.PolicyDocument(statements=[invoke])},
        )
