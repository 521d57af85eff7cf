"""The claim stage: a tick of the schedule in, pointers of all records that are due out."""

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk.delivery.function import FunctionSettings, Runtime, StageFunction


class Claim(StageFunction):
    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        runtime: Runtime,
        settings: FunctionSettings,
        queue: sqs.IQueue,
        every: Duration,
    ) -> None:
        super().__init__(
            scope,
            name,
            word="claim",
            description="Leases the records that are due and hands their pointers to the send queue",
            runtime=runtime,
            settings=settings,
            resources={"SEND_QUEUE_URL": queue.queue_url},
        )
        self._tick(every)

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
