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
    """The stage's own key, or a new one, which is deleted with the stack as the log groups are.

    KMS keeps it for another month. `named` has the prefixes of log groups whose names do not begin with the stack's.
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
    """A group without a given name is named after its stack. Its ARN here would make key and group need each other.

    As "Encrypt log data in CloudWatch Logs using AWS Key Management Service" has it.
    """
    every = f"arn:{stack.partition}:logs:{stack.region}:{stack.account}:log-group:"
    return iam.PolicyStatement(
        principals=[iam.ServicePrincipal(f"logs.{stack.region}.{stack.url_suffix}")],
        actions=_USES,
        resources=["*"],
        conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": [f"{every}{name}*" for name in names]}},
    )


def _use_through_logs(stack: Stack) -> iam.PolicyStatement:
    """Whoever may write or read a group may do so under its key, through CloudWatch Logs alone, as the same page asks.

    Which groups those are is for the roles' own policies to say.
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
    """A group that no metric is made of: CloudWatch extracts none in the class INFREQUENT_ACCESS ("Log classes").

    The class of a group cannot be changed, so another class is another group.
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
