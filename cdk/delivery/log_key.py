"""The key of a stage's log groups: a scope in; out, a key that CloudWatch Logs may use for this stack's groups only."""

from collections.abc import Sequence

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct


def log_key(scope: Construct, stage: str, *, named: Sequence[str] = ()) -> kms.Key:
    """It goes with the stack, as the log groups do; KMS still keeps it for a month.

    `named` are groups whose names are not the stack's to choose, by what these names begin with.
    """
    key = kms.Key(
        scope,
        "LogKey",
        description=f"Hongyan ({stage}): encrypts logs",
        enable_key_rotation=True,
        removal_policy=RemovalPolicy.DESTROY,
    )
    stack = Stack.of(scope)
    key.add_to_resource_policy(_use_by_logs(stack, [f"{stack.stack_name}-", *named]))
    return key


def _use_by_logs(stack: Stack, names: Sequence[str]) -> iam.PolicyStatement:
    """A group without a name of its own is named after its stack. Its ARN here would tie key and group in a circle."""
    every = f"arn:{stack.partition}:logs:{stack.region}:{stack.account}:log-group:"
    return iam.PolicyStatement(
        principals=[iam.ServicePrincipal(f"logs.{stack.region}.{stack.url_suffix}")],
        actions=["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
        resources=["*"],
        conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": [f"{every}{name}*" for name in names]}},
    )
