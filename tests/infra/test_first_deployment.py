"""prod's first deployment fails at one resource after the other, and the same command repeats it until it stands.

The real command line deploys into a server of AWS's APIs, whose rules of rollback are those of CloudFormation
(local/account/cloudformation.py).
"""

from collections.abc import Iterator

import pytest

from cdk.settings.context import ROOT
from local.servers.mysql import mysql_server
from tests.infra.account.seen import Seen
from tests.infra.deployments import Deployments, deployments

#: in the order of their creation, and what may be left half-way: a log group, a cluster without its scaling
OF_DATA = (
    "AWS::KMS::Key",
    "AWS::SecretsManager::Secret",
    "AWS::RDS::DBInstance",
    "AWS::SecretsManager::RotationSchedule",
    "AWS::MSK::Configuration",
    "AWS::MSK::Cluster",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
)
OF_DELIVERY = ("AWS::KMS::Key", "AWS::SQS::Queue", "Custom::Migrations", "AWS::CloudWatch::Alarm")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployments]:
    state = tmp_path_factory.mktemp("first")
    with (
        mysql_server(state / "mysql", cache=ROOT / ".local" / "cache") as mysql,
        deployments(state, mysql, stage="prod") as made,
    ):
        yield made


def kept(account: Seen) -> list[object]:
    """What has state, and what costs by the month."""
    keys = [key for key in account.keys if key["Enabled"]]
    return [*keys, *account.clusters, *account.databases, *account.secrets, *account.log_groups, *account.snapshots]


@pytest.mark.parametrize("kind", OF_DATA)
def test_a_failure_in_the_data_stack_leaves_nothing_behind_and_nothing_in_the_way(
    kind: str, stage: Deployments
) -> None:
    """Each of these deployments removes what the one before it left, and gets further."""
    step = stage.failing_at(kind)
    assert step.code == 1
    assert "this creation was told to fail" in step.failure
    assert step.after.stacks["data"]["StackStatus"] == "ROLLBACK_COMPLETE"
    assert kept(step.after) == []
