"""What a new MySQL logs: a stage's name, a key and a retention in; out, the log groups that RDS writes to."""

from collections.abc import Iterator

from aws_cdk import RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

#: of what RDS can export, what is written to files
EXPORTED = ("error", "slowquery")


def log_groups(
    scope: Construct, stage: str, *, key: kms.IKey, retention: logs.RetentionDays
) -> Iterator[logs.LogGroup]:
    """They have to be there before RDS makes them by itself, to keep everything for ever and under no key of ours."""
    for kind in EXPORTED:
        yield logs.LogGroup(
            scope,
            f"{kind.capitalize()}Log",
            log_group_name=f"{beginning(stage)}{kind}",
            retention=retention,
            encryption_key=key,
            removal_policy=RemovalPolicy.DESTROY,
        )


def beginning(stage: str) -> str:
    """What the names of the groups begin with: RDS takes these and no others."""
    return f"/aws/rds/instance/{identifier(stage)}/"


def identifier(stage: str) -> str:
    """RDS's name of the instance, known before it is made."""
    return f"hongyan-{stage}"
