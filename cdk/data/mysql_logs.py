"""Makes the log groups that a new MySQL writes to."""

from collections.abc import Iterator

from aws_cdk import RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk.data.names import own_name

#: The logs that RDS exports.
EXPORTED = ("error", "slowquery")


def log_groups(
    scope: Construct, stage: str, *, key: kms.IKey, retention: logs.RetentionDays
) -> Iterator[logs.LogGroup]:
    """Makes the log groups before the instance: RDS would create them without our key and keep everything forever."""
    for kind in EXPORTED:
        yield logs.LogGroup(
            scope,
            f"{kind.capitalize()}Log",
            log_group_name=f"{name_prefix(stage)}{kind}",
            retention=retention,
            encryption_key=key,
            removal_policy=RemovalPolicy.DESTROY,
        )


def name_prefix(stage: str) -> str:
    """The prefix of the groups' names, which RDS prescribes."""
    return f"/aws/rds/instance/{own_name(stage)}/"
