"""How long a stack's logs are kept, and the key that encrypts them. CloudWatch Logs may use it for them only."""

from collections.abc import Sequence

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk.settings.stage import StageSettings

_DAYS = logs.RetentionDays
_RETENTIONS = {
    1: _DAYS.ONE_DAY,
    3: _DAYS.THREE_DAYS,
    5: _DAYS.FIVE_DAYS,
    7: _DAYS.ONE_WEEK,
    14: _DAYS.TWO_WEEKS,
    30: _DAYS.ONE_MONTH,
    60: _DAYS.TWO_MONTHS,
    90: _DAYS.THREE_MONTHS,
    180: _DAYS.SIX_MONTHS,
    365: _DAYS.ONE_YEAR,
    731: _DAYS.TWO_YEARS,
}

_USES = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]


def log_retention(days: int) -> logs.RetentionDays:
    return _RETENTIONS[days]


def log_key(scope: Construct, stage: StageSettings, *, named: Sequence[str] = ()) -> kms.IKey:
    """The stage's own key, or a new one that is deleted with the stack, as its log groups are.

    KMS keeps it for another month. `named` has the prefixes of log groups that are not named after the stack.
    """
    if stage.log_key_arn:
        return kms.Key.from_key_arn(scope, "LogKey", stage.log_key_arn)
    key = kms.Key(
        scope,
        "LogKey",
        description=f"Hongyan ({stage.name}): encrypts logs",
        enable_key_rotation=True,
        removal_policy=RemovalPolicy.DESTROY,
    )
    stack = Stack.of(scope)
    key.add_to_resource_policy(_use_by_logs(stack, [f"{stack.stack_name}-", *named]))
    key.add_to_resource_policy(_use_through_logs(stack))
    return key


def _use_by_logs(stack: Stack, names: Sequence[str]) -> iam.PolicyStatement:
    """Names the groups by prefix, because a group's ARN here would make key and group depend on each other.

    Source: "Encrypt log data in CloudWatch Logs using AWS Key Management Service".
    """
    every = f"arn:{stack.partition}:logs:{stack.region}:{stack.account}:log-group:"
    return iam.PolicyStatement(
        principals=[iam.ServicePrincipal(f"logs.{stack.region}.{stack.url_suffix}")],
        actions=_USES,
        resources=["*"],
        conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": [f"{every}{name}*" for name in names]}},
    )


def _use_through_logs(stack: Stack) -> iam.PolicyStatement:
    """Lets the account's principals use the key through CloudWatch Logs only, as the same page requires.

    The principals' own policies say which groups they may read or write.
    """
    service = f"logs.{stack.region}.{stack.url_suffix}"
    return iam.PolicyStatement(
        principals=[iam.AnyPrincipal()],
        actions=_USES,
        resources=["*"],
        conditions={"StringEquals": {"kms:CallerAccount": stack.account, "kms:ViaService": service}},
    )


def seldom_read(
    scope: Construct, name: str, kind: logs.LogGroupClass, *, retention: logs.RetentionDays, encryption_key: kms.IKey
) -> logs.LogGroup:
    """A group for logs without metrics: CloudWatch extracts none in the class INFREQUENT_ACCESS ("Log classes").

    A group's class cannot be changed, so another class makes another group.
    """
    standard = kind is logs.LogGroupClass.STANDARD
    return logs.LogGroup(
        scope,
        name if standard else f"{name}SeldomRead",
        log_group_class=None if standard else kind,
        retention=retention,
        encryption_key=encryption_key,
        removal_policy=RemovalPolicy.DESTROY,
    )
