"""Clients log in to a new MSK cluster by IAM over TLS. Only functions and Lambda's poller reach it. Alarms watch it."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.infra import watched
from tests.infra.conftest import Stacks
from tests.infra.templates import MSK, VPC, Resource, Template, tagged, told

CLUSTER, SERVERLESS = "AWS::MSK::Cluster", "AWS::MSK::ServerlessCluster"
ON_SERVERLESS: Mapping[str, Any] = {"kafka": {"new": {"kind": "serverless", "brokers": None}}}
IAM_PORT, HTTPS = 9098, 443


def brokers(both: Stacks, stage: str = "prod", over: Mapping[str, Any] | None = None) -> Resource:
    return both(stage, over)["data"].one(CLUSTER)


def properties(both: Stacks, stage: str, over: Mapping[str, Any] | None = None) -> Mapping[str, str]:
    """The brokers' configuration."""
    data = both(stage, over)["data"]
    configuration = data.named(data.one(CLUSTER)["ConfigurationInfo"]["Arn"])
    return dict(line.split("=") for line in configuration["ServerProperties"].splitlines())


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_clients_log_in_by_iam_over_tls_and_no_other_way(stage: str, both: Stacks) -> None:
    """No anonymous clients and no passwords; brokers use TLS among themselves."""
    cluster = brokers(both, stage)
    assert cluster["ClientAuthentication"] == {
        "Sasl": {"Iam": {"Enabled": True}},
        "Unauthenticated": {"Enabled": False},
    }
    assert cluster["EncryptionInfo"]["EncryptionInTransit"] == {"ClientBroker": "TLS", "InCluster": True}


def test_what_brokers_keep_is_encrypted_under_a_key_of_its_own(both: Stacks) -> None:
    """The key rotates, and is not the logs' key."""
    data = both("prod")["data"]
    key = data.named(data.one(CLUSTER)["EncryptionInfo"]["EncryptionAtRest"]["DataVolumeKMSKeyId"])
    assert key["EnableKeyRotation"] is True
    assert all(data.named(group["KmsKeyId"]) != key for group in data.all("AWS::Logs::LogGroup"))


def test_brokers_log_under_a_key_for_as_long_as_the_stage_says(both: Stacks) -> None:
    """The stack has one key for logs, the VPC's among them."""
    data = both("prod")["data"]
    logs = data.one(CLUSTER)["LoggingInfo"]["BrokerLogs"]["CloudWatchLogs"]
    group = data.named(logs["LogGroup"])
    assert (logs["Enabled"], group["RetentionInDays"]) == (True, 90)
    assert len({str(it["KmsKeyId"]) for it in data.all("AWS::Logs::LogGroup")}) == 1


def test_brokers_are_as_many_and_as_large_as_the_stage_says(both: Stacks) -> None:
    """The number is for each zone."""
    wanted = {"instance_class": "m7g.xlarge", "per_zone": 2, "storage_gb": 50, "version": "4.1.x.kraft"}
    for over, zones in (({}, 3), ({"network": VPC}, 2)):
        cluster = brokers(both, "prod", {**over, "kafka": {"new": {"brokers": wanted}}})
        group = cluster["BrokerNodeGroupInfo"]
        assert (cluster["NumberOfBrokerNodes"], len(group["ClientSubnets"])) == (2 * zones, zones)
        assert (cluster["KafkaVersion"], group["InstanceType"]) == ("4.1.x.kraft", "kafka.m7g.xlarge")
        assert group["StorageInfo"] == {"EBSStorageInfo": {"VolumeSize": 50}}


@pytest.mark.parametrize(
    ("stage", "new", "copies", "in_step"),
    [("prod", {}, "3", "2"), ("dev", {}, "2", "1"), ("dev", {"replication": 1}, "1", "1")],
)
def test_writing_goes_on_with_one_copy_less(
    stage: str, new: Mapping[str, Any], copies: str, in_step: str, both: Stacks
) -> None:
    """MSK patches one broker at a time; a lagging replica never becomes leader, since that would lose records."""
    made = properties(both, stage, {"kafka": {"new": new}})
    assert (made["default.replication.factor"], made["min.insync.replicas"]) == (copies, in_step)
    assert made["unclean.leader.election.enable"] == made["auto.create.topics.enable"] == "false"
    topic = both(stage, {"kafka": {"new": new}})["delivery"].one("Custom::KafkaTopic")
    assert topic["TOPIC_REPLICATION"] == copies


@pytest.mark.parametrize(
    ("stage", "per_zone", "copies", "in_step"), [("prod", 1, "3", "2"), ("dev", 1, "2", "1"), ("dev", 2, "3", "2")]
)
def test_kafka_s_own_topics_have_as_many_copies_as_brokers_allow(
    stage: str, per_zone: int, copies: str, in_step: str, both: Stacks
) -> None:
    """Three are Kafka's default; with two brokers the topic of offsets would never be made, and ingest never read."""
    made = properties(both, stage, {"kafka": {"new": {"brokers": {"per_zone": per_zone}}}})
    assert made["offsets.topic.replication.factor"] == made["transaction.state.log.replication.factor"] == copies
    assert made["transaction.state.log.min.isr"] == in_step


def test_in_more_than_three_zones_the_brokers_stand_in_the_first_three(both: Stacks) -> None:
    """MSK takes no more."""
    data = both("prod", {"network": {"zones": 4}})["data"]
    subnets, _ = placed(data)
    assert (len(subnets), data.one(CLUSTER)["NumberOfBrokerNodes"]) == (3, 3)
    assert len(data.all("AWS::EC2::Subnet")) == 3 * 4


@pytest.mark.parametrize("over", [{}, ON_SERVERLESS])
def test_the_cluster_stands_where_there_is_a_way_out(over: Mapping[str, Any], both: Stacks) -> None:
    """Lambda's poller is in its subnets, and calls Lambda and STS from there."""
    data = both("prod", over)["data"]
    subnets, _ = placed(data)
    assert [tagged(data.named(it), "aws-cdk:subnet-type") for it in subnets] == ["Private"] * 3
    existing, _ = placed(both("prod", {**over, "network": VPC})["data"])
    assert existing == VPC["subnet_ids"]


@pytest.mark.parametrize("over", [{}, ON_SERVERLESS])
@pytest.mark.parametrize(("network", "groups"), [({"new": True}, 1), (VPC, 2)])
def test_the_functions_and_the_poller_come_in_and_nobody_else(
    network: Mapping[str, Any], groups: int, over: Mapping[str, Any], both: Stacks
) -> None:
    """On the port of IAM logins. The poller, in the cluster's own group, may only call AWS's services besides."""
    data = both("prod", {**over, "network": network})["data"]
    _, (group,) = placed(data)
    rules = [it for it in data.all("AWS::EC2::SecurityGroupIngress") if it["GroupId"] == group]
    assert {(it["FromPort"], it["ToPort"]) for it in rules} == {(IAM_PORT, IAM_PORT)}
    sources = [str(it["SourceSecurityGroupId"]) for it in rules]
    assert str(group) in sources
    assert len(sources) == len(set(sources)) == 1 + groups
    assert "SecurityGroupIngress" not in data.named(group)
    assert [it["ToPort"] for it in data.named(group)["SecurityGroupEgress"]] == [443]
    inside = [it for it in data.all("AWS::EC2::SecurityGroupEgress") if it["GroupId"] == group]
    to_brokers = [(it["DestinationSecurityGroupId"], it["ToPort"]) for it in inside if it["ToPort"] != HTTPS]
    assert to_brokers == [(group, IAM_PORT)]


def placed(data: Template) -> tuple[list[Any], list[Any]]:
    """Subnets and security groups of the cluster, of either kind."""
    if data.all(CLUSTER):
        group = data.one(CLUSTER)["BrokerNodeGroupInfo"]
        return group["ClientSubnets"], group["SecurityGroups"]
    (place,) = data.one(SERVERLESS)["VpcConfigs"]
    return place["SubnetIds"], place["SecurityGroups"]


def test_serverless_lets_in_by_iam_and_has_nothing_to_size(both: Stacks) -> None:
    """MSK Serverless chooses replication, encryption and logging itself."""
    stacks = both("prod", ON_SERVERLESS)
    assert stacks["data"].one(SERVERLESS)["ClientAuthentication"] == {"Sasl": {"Iam": {"Enabled": True}}}
    assert stacks["delivery"].one("Custom::KafkaTopic")["TOPIC_REPLICATION"] == "0"
    for kind in (CLUSTER, "AWS::MSK::Configuration", "AWS::ApplicationAutoScaling::ScalableTarget"):
        assert not stacks["data"].all(kind)


def test_storage_grows_by_itself_when_the_stage_says_how_far(both: Stacks) -> None:
    """Before the alarm goes off; MSK takes nothing back."""
    data, delivery = both("prod")["data"], both("prod")["delivery"]
    target, policy = (data.one(f"AWS::ApplicationAutoScaling::{it}") for it in ("ScalableTarget", "ScalingPolicy"))
    assert data.kind_of(target["ResourceId"]) == CLUSTER
    assert target["MaxCapacity"] == 1000
    tracked = policy["TargetTrackingScalingPolicyConfiguration"]
    assert tracked["TargetValue"] < watched.alarms(delivery)["KafkaFull"]["Threshold"]
    assert tracked["DisableScaleIn"] is True
    assert not both("dev")["data"].all("AWS::ApplicationAutoScaling::ScalableTarget")


@pytest.mark.parametrize(("stage", "policy"), [("prod", "RetainExceptOnCreate"), ("dev", "Delete")])
@pytest.mark.parametrize(("over", "kind"), [({}, CLUSTER), (ON_SERVERLESS, SERVERLESS)])
def test_prod_s_cluster_stays_when_its_stack_goes(
    over: Mapping[str, Any], kind: str, stage: str, policy: str, both: Stacks
) -> None:
    """With its key and configuration. A development stage leaves nothing to pay for."""
    data = both(stage, over)["data"]
    kept = {it["Type"]: it["DeletionPolicy"] for it in data.body["Resources"].values() if "MSK" in it["Type"]}
    assert set(kept.values()) == {policy}
    assert kind in kept
    if kind == CLUSTER:
        key = data.named(data.one(CLUSTER)["EncryptionInfo"]["EncryptionAtRest"]["DataVolumeKMSKeyId"])
        (found,) = [it for it in data.body["Resources"].values() if it.get("Properties") == key]
        assert found["DeletionPolicy"] == policy


@pytest.mark.parametrize(("over", "kind"), [({}, CLUSTER), (ON_SERVERLESS, SERVERLESS)])
def test_ingest_reads_the_new_topic_as_the_stage_s_group_and_nothing_else(
    over: Mapping[str, Any], kind: str, both: Stacks
) -> None:
    """They use what the data stack exports."""
    data, delivery = both("prod", over)["data"], both("prod", over)["delivery"]
    source, allowed = delivery.source("ingest"), delivery.allowed("ingest")
    assert data.kind_of(told(data, source["EventSourceArn"])) == kind
    (cluster,), (topic,), (group,) = (allowed[f"kafka-cluster:{it}"] for it in ("Connect", "ReadData", "AlterGroup"))
    assert told(data, cluster) == told(data, source["EventSourceArn"])
    assert within(topic) == (":topic/", "/smartflow.notification.outbox")
    assert within(group) == (":group/", "/hongyan-prod")
    for arn in (topic, group):
        assert [it["Fn::Select"][1]["Fn::Split"][1] for it in arn["Fn::Join"][1][::2]] == [cluster] * 2
    assert not {"kafka-cluster:WriteData", "kafka-cluster:CreateTopic"} & set(allowed)


def within(arn: Mapping[str, Any]) -> tuple[str, str]:
    """What stands between and after the two parts of the cluster's ARN."""
    before, kind, after, name = arn["Fn::Join"][1]
    assert [it["Fn::Select"][0] for it in (before, after)] == [0, 1]
    return kind, name


def test_a_cluster_of_the_stage_s_own_is_watched_and_another_is_not(both: Stacks) -> None:
    """Every broker's storage, by MSK's numbers; the dashboard shows what the alarms watch."""
    delivery = both("prod")["delivery"]
    full, offline = (watched.alarms(delivery)[it] for it in ("KafkaFull", "KafkaPartitionsOffline"))
    (dimension,) = offline["Metrics"][0]["MetricStat"]["Metric"]["Dimensions"]
    assert told(both("prod")["data"], dimension["Value"]) == both("prod")["data"].one(CLUSTER)["ClusterName"]
    name = ("Cluster Name", watched.AT_DEPLOYMENT)
    disks = {("AWS/Kafka", "KafkaDataLogsDiskUsed", frozenset({name, ("Broker ID", it)})) for it in ("1", "2", "3")}
    assert watched.of_alarm(full) == disks
    assert watched.of_alarm(offline) == {("AWS/Kafka", "OfflinePartitionsCount", frozenset({name}))}
    assert disks | watched.of_alarm(offline) <= watched.of_dashboard(delivery)
    for over in ({"kafka": MSK}, ON_SERVERLESS):
        other = both("prod", over)["delivery"]
        assert not {"KafkaFull", "KafkaPartitionsOffline"} & set(watched.alarms(other))
        assert not any(namespace == "AWS/Kafka" for namespace, _, _ in watched.of_dashboard(other))


@pytest.mark.parametrize("over", [{}, ON_SERVERLESS, {"kafka": MSK}])
def test_lag_is_watched_whoever_made_the_cluster(over: Mapping[str, Any], both: Stacks) -> None:
    """Lambda measures it for the event source."""
    delivery = both("prod", over)["delivery"]
    ((namespace, metric, dimensions),) = watched.of_alarm(watched.alarms(delivery)["KafkaLag"])
    assert (namespace, metric) == ("AWS/Lambda", "OffsetLag")
    assert {name for name, _ in dimensions} == {"FunctionName"}
