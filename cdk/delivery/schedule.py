"""Calls a function at a fixed rate. A tick that fails is not repeated, because the next one finds the same rows."""

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler

from cdk.delivery.function import StageFunction


def tick(function: StageFunction, *, every: Duration, description: str) -> None:
    """A failed tick is not retried by the scheduler or Lambda."""
    function.function.configure_async_invoke(retry_attempts=0, max_event_age=Duration.minutes(1))
    scheduler.CfnSchedule(
        function,
        "Schedule",
        description=description,
        schedule_expression=scheduler.ScheduleExpression.rate(every).expression_string,
        flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
        target=scheduler.CfnSchedule.TargetProperty(
            arn=function.function.function_arn,
            role_arn=_caller(function).role_arn,
            retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                maximum_retry_attempts=0, maximum_event_age_in_seconds=60
            ),
        ),
    )


def _caller(function: StageFunction) -> iam.Role:
    """The scheduler's role, which may invoke only this function. The CDK's target would add versions and aliases."""
    invoke = iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[function.function.function_arn])
    account = {"StringEquals": {"aws:SourceAccount": Stack.of(function).account}}
    return iam.Role(
        function,
        "ScheduleRole",
        assumed_by=iam.ServicePrincipal("scheduler.amazonaws.com", conditions=account),
        inline_policies={"Invoke": iam.PolicyDocument(statements=[invoke])},
    )
