"""Before a deployment: each fault of an account is one line that names it and says what to do."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from moto.kafka.models import kafka_backends

from cdk.doctor.account import Account
from local.servers.aws import ACCOUNT
from tests.infra.doctor.accounts import (
    EXISTING,
    KEY,
    NEW,
    OWN_BROKERS,
    TOPIC,
    account_of,
    bad,
    examined,
    forbidden,
    stage_of,
)
from tests.infra.templates import MSK, RDS, VPC

SUBNET = VPC["subnet_ids"][0]
SECRET = RDS["secret_arn"]
Fault = Callable[[Account], object]


def secret_says(text: str) -> Fault:
    return lambda account: account.client("secretsmanager").put_secret_value(SecretId=SECRET, SecretString=text)


def delete_secret(account: Account) -> None:
    account.client("secretsmanager").delete_secret(SecretId=SECRET, ForceDeleteWithoutRecovery=True)


def close(port: int) -> Fault:
    """For both groups, which MySQL and Kafka share with the functions here."""

    def revoke(account: Account) -> None:
        ec2 = account.client("ec2")
        for group in VPC["security_group_ids"]:
            rule = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "UserIdGroupPairs": [{"GroupId": group}]}
            ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[rule])

    return revoke


def close_out(account: Account) -> None:
    rule = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    for group in VPC["security_group_ids"]:
        account.client("ec2").revoke_security_group_egress(GroupId=group, IpPermissions=[rule])


def cut_off(account: Account) -> None:
    ec2 = account.client("ec2")
    filters = [{"Name": "association.subnet-id", "Values": [SUBNET]}]
    (table,) = ec2.describe_route_tables(Filters=filters)["RouteTables"]
    ec2.delete_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0")


def cluster_is(**changes: Any) -> Fault:
    def change(account: Account) -> None:
        vars(kafka_backends[ACCOUNT][account.region].clusters[MSK["cluster_arn"]]).update(changes)

    return change


def without_cluster(account: Account) -> None:
    account.client("kafka").delete_cluster(ClusterArn=MSK["cluster_arn"])


def without_iam(account: Account) -> None:
    (it,) = account.client("rds").describe_db_instances()["DBInstances"]
    name = it["DBInstanceIdentifier"]
    account.client("rds").modify_db_instance(DBInstanceIdentifier=name, EnableIAMDatabaseAuthentication=False)


def without_topic(account: Account) -> None:
    account.client("sns").delete_topic(TopicArn=TOPIC)


def not_bootstrapped(account: Account) -> None:
    account.client("ssm").delete_parameter(Name="/cdk-bootstrap/hnb659fds/version")


def old_bootstrap(account: Account) -> None:
    account.client("ssm").put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="5", Overwrite=True)


def disabled_key(account: Account) -> None:
    account.client("kms").disable_key(KeyId=KEY.rpartition("/")[2])


def four_vpcs(account: Account) -> None:
    for _ in range(4):  # and the one that an account has from the beginning
        account.client("ec2").create_vpc(CidrBlock="10.9.0.0/16")


def five_addresses(account: Account) -> None:
    for _ in range(5):
        account.client("ec2").allocate_address(Domain="vpc")


def foreign_alarm(account: Account) -> None:
    """And one of another stage, whose name begins like ours."""
    told = {"MetricName": "m", "Namespace": "n", "Statistic": "Sum", "Threshold": 1.0, "EvaluationPeriods": 1}
    for name in ("hongyan-dev-KafkaLag", "hongyan-dev-2-KafkaLag"):
        rest = {"Period": 60, "ComparisonOperator": "GreaterThanThreshold"}
        account.client("cloudwatch").put_metric_alarm(AlarmName=name, **told, **rest)


def foreign_dashboard(account: Account) -> None:
    for name in ("hongyan-dev", "hongyan-dev-2"):
        account.client("cloudwatch").put_dashboard(DashboardName=name, DashboardBody='{"widgets": []}')


def nothing(_: Account) -> None:
    return None


GOOD: Mapping[str, Mapping[str, Any]] = {"existing": EXISTING, "own brokers": OWN_BROKERS, "new": NEW}


@pytest.mark.parametrize("name", GOOD)
def test_an_account_that_is_ready_has_nothing_to_mend(name: str) -> None:
    """What the stage asks for is there, or there is room for it."""
    stage = stage_of({"region": "eu-west-1", **GOOD[name]})
    with account_of(stage) as account:
        found = examined(account, stage)
    assert bad(found) == []
    assert len(found) > 8


FAULTS: list[tuple[str, Mapping[str, Any], Fault, str, str, str]] = [
    ("another account", {**NEW, "account": "999999999999"}, nothing, "credentials", "is in account 1234", "AWS_PROF"),
    ("not bootstrapped", NEW, not_bootstrapped, "bootstrap", "nobody has prepared eu-west-1", "make bootstrap STAGE=d"),
    ("an old bootstrap", NEW, old_bootstrap, "bootstrap", "version 5, and deployments need 6", "make bootstrap STAGE"),
    ("an alarm of our name", NEW, foreign_alarm, "names", "have them already: hongyan-dev-KafkaLag", "delete these"),
    (
        "a dashboard of our name",
        NEW,
        foreign_dashboard,
        "names",
        "have them already: hongyan-dev",
        "another name_prefix",
    ),
    (
        "no snapshot to restore",
        {**NEW, "database": {"new": {"snapshot_arn": f"arn:aws:rds:eu-west-1:{ACCOUNT}:snapshot:gone"}}},
        nothing,
        "database.new.snapshot_arn",
        "there is no snapshot arn:aws:rds",
        "correct the ARN",
    ),
    ("no room for a VPC", NEW, four_vpcs, "quota of VPCs", "5 of 5 are in use, the stage needs 1", "Service Quotas"),
    ("no address left", NEW, five_addresses, "quota of Elastic IP addresses", "5 of 5", "ask for more in Service Quo"),
    (
        "a class that is nowhere",
        {**NEW, "database": {"new": {"instance_class": "x9z.large"}}},
        nothing,
        "RDS db.x9z.large",
        "not offered in eu-west-1a, eu-west-1b",
        "database.new.instance_class",
    ),
    (
        "an absent secret",
        EXISTING,
        delete_secret,
        "database.secret_arn",
        "there is no secret arn:",
        "create the secret",
    ),
    (
        "a secret of text",
        EXISTING,
        secret_says("pw"),
        "database.secret_arn, content",
        "is no JSON",
        "username and pass",
    ),
    (
        "half a login",
        EXISTING,
        secret_says(json.dumps({"username": "a"})),
        "database.secret_arn, content",
        "lacks password",
        "make the secret JSON with username and password",
    ),
    ("no way out", EXISTING, cut_off, "network.subnet_ids", f"no way out to Feishu and AWS: {SUBNET}", "a NAT gateway"),
    ("HTTPS is closed", EXISTING, close_out, "security groups", "none lets HTTPS out", "outbound, TCP 443"),
    (
        "MySQL is closed",
        EXISTING,
        close(3306),
        "database, way in",
        "no rule lets the functions in at 3306",
        "add a rule",
    ),
    (
        "the poller is closed",
        {**EXISTING, "relay": None},
        close(9098),
        "kafka, poller",
        "lets itself in at 9098",
        "inbound, TCP 9098, from",
    ),
    ("IAM is off", EXISTING, without_iam, "database", "IAM authentication is off", "switch it on in RDS"),
    (
        "no cluster",
        EXISTING,
        without_cluster,
        "kafka",
        "there is no cluster arn:aws:kafka",
        "correct kafka.cluster_arn",
    ),
    ("a cluster that begins", EXISTING, cluster_is(state="CREATING"), "kafka", "is CREATING", "wait until MSK says"),
    (
        "no IAM logins",
        EXISTING,
        cluster_is(client_authentication={}),
        "kafka",
        "IAM access control is off",
        "switch it",
    ),
    (
        "no alarm topic",
        EXISTING,
        without_topic,
        "alarms.topic_arn",
        "there is no topic arn:aws:sns",
        "create the topic",
    ),
    (
        "a disabled key",
        OWN_BROKERS,
        disabled_key,
        "kafka.secrets_key_arn",
        "Disabled: nothing that it encrypts",
        "enabl",
    ),
]


@pytest.mark.parametrize(
    ("over", "fault", "check", "found", "remedy"),
    [pytest.param(*case[1:], id=case[0]) for case in FAULTS],
)
def test_a_fault_is_one_line_that_says_what_to_do(
    over: Mapping[str, Any], fault: Fault, check: str, found: str, remedy: str
) -> None:
    stage = stage_of({"region": "eu-west-1", **over})
    with account_of(stage) as account:
        fault(account)
        (only,) = bad(examined(account, stage))
    assert (only.verdict, only.check) == ("fail", check)
    assert found in only.found
    assert "hongyan-dev-2" not in only.found
    assert remedy in only.remedy


@pytest.mark.parametrize(
    ("over", "service", "operation", "check"),
    [
        (NEW, "ssm", "GetParameter", "bootstrap"),
        (NEW, "service-quotas", "GetServiceQuota", "quota of VPCs"),
        (NEW, "cloudwatch", "DescribeAlarms", "names"),
        (NEW, "ec2", "DescribeAvailabilityZones", "zones and classes"),
        (EXISTING, "ec2", "DescribeSubnets", "network"),
        (EXISTING, "secretsmanager", "DescribeSecret", "database.secret_arn"),
        (EXISTING, "secretsmanager", "GetSecretValue", "database.secret_arn, content"),
        (EXISTING, "kafka", "DescribeClusterV2", "kafka"),
        (EXISTING, "sns", "GetTopicAttributes", "alarm topic"),
        (OWN_BROKERS, "kms", "DescribeKey", "keys"),
    ],
)
def test_a_check_that_may_not_look_says_so_and_the_others_go_on(
    over: Mapping[str, Any], service: str, operation: str, check: str
) -> None:
    """With the call that is not allowed, as a warning: nothing is known to be wrong."""
    stage = stage_of({"region": "eu-west-1", **over})
    with account_of(stage) as account:
        usual = [it.check for it in examined(account, stage)]
        with forbidden(account, service, operation):
            found = examined(account, stage)
    refused = [it for it in bad(found) if f"may not call {service}:{operation}" in it.found]
    assert refused == bad(found)
    assert {it.verdict for it in refused} == {"warn"}
    assert check in [it.check for it in refused]
    assert all(it.remedy for it in refused)
    assert {it.check for it in found if it.verdict == "ok"} < {*usual}
    assert found[-1].check == usual[-1] or found[-1] in refused


def test_the_relay_has_to_be_let_in_like_the_poller() -> None:
    """It connects from the functions' own groups, which here are the cluster's, too."""
    stage = stage_of({"region": "eu-west-1", **EXISTING})
    with account_of(stage) as account:
        assert "kafka, relay, way in" in [it.check for it in examined(account, stage) if it.verdict == "ok"]
        close(9098)(account)
        faults = bad(examined(account, stage))
    assert [(it.verdict, it.check) for it in faults] == [("fail", "kafka, poller"), ("fail", "kafka, relay, way in")]
    assert "inbound, TCP 9098, from" in faults[1].remedy


def test_a_quota_that_the_account_has_no_value_of_is_the_default_of_aws() -> None:
    stage = stage_of({"region": "eu-west-1", **NEW})
    with account_of(stage) as account:
        four_vpcs(account)
        with forbidden(account, "service-quotas", "GetServiceQuota", "NoSuchResourceException", 404):
            (only,) = bad(examined(account, stage))
    assert (only.verdict, only.check) == ("fail", "quota of VPCs")
    assert "5 of 5" in only.found


def test_without_credentials_nothing_else_is_asked() -> None:
    stage = stage_of({"region": "eu-west-1"})
    with account_of(stage) as account, forbidden(account, "sts", "GetCallerIdentity"):
        (only,) = examined(account, stage)
    assert (only.verdict, only.check) == ("fail", "credentials")
    assert "log in to AWS" in only.remedy
