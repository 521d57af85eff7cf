"""The relay reaches every kind of Kafka, logs in as the stage says, and may write to the stage's topic alone."""

from collections.abc import Mapping
from typing import Any

import pytest

from delivery.aws.settings.relay import RelaySettings
from tests.infra.conftest import Stacks, Synthesis
from tests.infra.delivery.test_environment import deployed
from tests.infra.delivery.test_permissions import BY_IAM, BY_SECRET, EVERY, FIND_BROKERS, ON_ANYTHING
from tests.infra.templates import BROKERS, MSK, MYSQL, TLS_BROKERS, VPC, Template, environment, stands_in, told

KEY = "arn:aws:kms:eu-west-1:111111111111:key/0a1b2c3d-1111-2222-3333-444455556666"
SECRET = "arn:aws:secretsmanager:eu-west-1:111111111111:secret:AmazonMSK_relay-AbCdEf"
ON_CLUSTER = {"kafka-cluster:Connect", "kafka-cluster:WriteDataIdempotently"}
ON_TOPIC = {"kafka-cluster:DescribeTopic", "kafka-cluster:WriteData"}
SERVERLESS: Mapping[str, Any] = {"new": {"kind": "serverless", "brokers": None}}


def settings(template: Template) -> RelaySettings:
    """As the function reads them."""
    return RelaySettings.read(deployed(environment(template.function("relay"))))


def test_without_its_section_a_stage_has_no_relay(synth: Synthesis) -> None:
    """Its producers publish themselves, and nothing is left to pay for."""
    template = synth("dev", {"relay": None})
    words = [environment(it)["POWERTOOLS_SERVICE_NAME"] for it in template.all("AWS::Lambda::Function")]
    assert "relay" not in words
    assert len(template.all("AWS::Scheduler::Schedule")) == len(synth("dev").all("AWS::Scheduler::Schedule")) - 1


@pytest.mark.parametrize("kafka", [{}, SERVERLESS], ids=["provisioned", "serverless"])
def test_on_a_new_cluster_it_may_write_idempotently_to_one_topic(kafka: Mapping[str, Any], both: Stacks) -> None:
    """By its role, without a secret; it can neither read the topic nor make another."""
    data, delivery = (both("dev", {"kafka": kafka})[name] for name in ("data", "delivery"))
    allowed = delivery.allowed("relay")
    assert set(allowed) == EVERY | ON_ANYTHING | BY_IAM | FIND_BROKERS | ON_CLUSTER | ON_TOPIC
    for action in ON_CLUSTER:
        (cluster,) = allowed[action]
        assert data.kind_of(told(data, cluster)) in ("AWS::MSK::Cluster", "AWS::MSK::ServerlessCluster")
    for action in ON_TOPIC:
        (topic,) = allowed[action]
        assert topic["Fn::Join"][1][-1] == "/smartflow.notification.outbox"
    read = settings(delivery)
    assert (read.kafka_login, read.kafka_auth_secret_arn, read.kafka_bootstrap_servers) == ("IAM", "", ())
    assert environment(delivery.function("relay"))["KAFKA_CLUSTER_ARN"] == cluster


def test_it_stands_with_the_brokers_of_a_new_cluster_which_let_it_in(both: Stacks) -> None:
    """Also where there are endpoints: it asks MSK for the brokers' addresses, for which there is none."""
    data, delivery = both("prod")["data"], both("prod")["delivery"]
    place = delivery.function("relay")["VpcConfig"]
    cluster = data.one("AWS::MSK::Cluster")["BrokerNodeGroupInfo"]
    assert [told(data, it) for it in place["SubnetIds"]] == cluster["ClientSubnets"]
    (group,) = [told(data, it) for it in place["SecurityGroupIds"]]
    rules = [it for it in data.all("AWS::EC2::SecurityGroupIngress") if it["SourceSecurityGroupId"] == group]
    assert (cluster["SecurityGroups"], 9098) in [([it["GroupId"]], it["FromPort"]) for it in rules]


@pytest.mark.parametrize(("mechanism", "port"), [("SCRAM-SHA-512", 9096), ("TLS", 9094)])
def test_on_an_existing_cluster_it_logs_in_with_the_stage_s_secret(mechanism: str, port: int, synth: Synthesis) -> None:
    """Then nothing of IAM access control is allowed; it reads the secret and uses its key."""
    login = {"auth_secret_arn": SECRET, "auth_mechanism": mechanism, "secrets_key_arn": KEY}
    template = synth("prod", {"kafka": {**MSK, **login}})
    allowed = template.allowed("relay")
    assert set(allowed) == EVERY | ON_ANYTHING | BY_IAM | FIND_BROKERS | BY_SECRET | {"kms:Decrypt"}
    assert (allowed["secretsmanager:GetSecretValue"], allowed["kms:Decrypt"]) == ([SECRET], [KEY])
    read = settings(template)
    assert (read.kafka_login, read.kafka_auth_secret_arn) == (mechanism, SECRET)
    assert read.kafka_cluster_arn == MSK["cluster_arn"]


def test_on_an_existing_cluster_it_may_write_to_one_topic_by_its_role(synth: Synthesis) -> None:
    """Exactly this cluster and this topic."""
    allowed = synth("prod", {"kafka": MSK}).allowed("relay")
    base = "arn:aws:kafka:eu-west-1:222222222222:{}/events/0a1b2c3d-1111-2222-3333-444455556666-7{}"
    assert set(allowed) == EVERY | ON_ANYTHING | BY_IAM | FIND_BROKERS | ON_CLUSTER | ON_TOPIC
    assert all(allowed[action] == [base.format("cluster", "")] for action in ON_CLUSTER)
    assert all(allowed[action] == [base.format("topic", "/smartflow.notification.outbox")] for action in ON_TOPIC)


def test_a_cluster_of_another_account_is_reached_through_our_connection(synth: Synthesis) -> None:
    """Whose addresses are others than the cluster's own; what IAM allows names the cluster."""
    cluster = MSK["cluster_arn"].replace("222222222222", "444444444444")
    connection = "arn:aws:kafka:eu-west-1:222222222222:vpc-connection/444444444444/events/0a1b2c3d-9999-2222-3333-1-7"
    template = synth("prod", {"kafka": {**MSK, "cluster_arn": cluster, "vpc_connection_arn": connection}})
    assert settings(template).kafka_vpc_connection is True
    assert settings(synth("prod", {"kafka": MSK})).kafka_vpc_connection is False
    assert template.allowed("relay")["kafka-cluster:Connect"] == [cluster]


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN", "TLS"])
def test_self_managed_brokers_are_logged_into_by_what_they_speak(mechanism: str, synth: Synthesis) -> None:
    """With the secret that Lambda's poller uses, too; MSK is not asked for anything."""
    kafka = {**TLS_BROKERS, "auth_mechanism": mechanism, "secrets_key_arn": KEY}
    template = synth("dev", {"kafka": kafka})
    read, allowed = settings(template), template.allowed("relay")
    assert read.kafka_bootstrap_servers == tuple(BROKERS["bootstrap_servers"])
    assert (read.kafka_login, read.kafka_auth_secret_arn) == (mechanism, BROKERS["auth_secret_arn"])
    assert read.kafka_ca_secret_arn == TLS_BROKERS["ca_secret_arn"]
    assert set(allowed) == EVERY | ON_ANYTHING | BY_IAM | BY_SECRET | {"kms:Decrypt"}
    assert allowed["secretsmanager:GetSecretValue"] == [BROKERS["auth_secret_arn"], TLS_BROKERS["ca_secret_arn"]]
    assert allowed["kms:Decrypt"] == [KEY]


def test_brokers_that_ask_for_no_login_get_none(synth: Synthesis, local: Template) -> None:
    """In a VPC, and on one machine."""
    inside = synth("dev", {"network": VPC, "database": MYSQL, "kafka": {**BROKERS, "auth_secret_arn": None}})
    for template in (inside, local):
        assert (settings(template).kafka_login, settings(template).kafka_auth_secret_arn) == ("NONE", "")


@pytest.mark.parametrize("kafka", [BROKERS, MSK], ids=["brokers", "msk"])
def test_in_a_new_vpc_it_may_go_wherever_brokers_are(kafka: Mapping[str, Any], both: Stacks) -> None:
    """As Lambda's poller does; whoever has the brokers lets this group in."""
    stacks = both("prod", {"kafka": kafka})
    (group,) = stands_in("relay", stacks, "SecurityGroupIds")
    assert [it["CidrIp"] for it in group["SecurityGroupEgress"]] == ["0.0.0.0/0"]
    assert {it["IpProtocol"] for it in group["SecurityGroupEgress"]} == {"-1"}


def test_where_functions_have_places_of_their_own_it_is_where_the_others_are(synth: Synthesis) -> None:
    """`network.inside` needs no way out, and MSK's API is outside."""
    inside = {"subnet_ids": ["subnet-0c0c0c0c"], "security_group_ids": ["sg-0c0c0c0c"]}
    template = synth("prod", {"network": {**VPC, "inside": inside}, "database": MYSQL, "kafka": MSK})
    assert template.function("claim")["VpcConfig"]["SubnetIds"] == inside["subnet_ids"]
    assert template.function("relay")["VpcConfig"]["SubnetIds"] == VPC["subnet_ids"]


def test_how_it_works_is_the_stage_s(synth: Synthesis) -> None:
    """The size of a set and of the lease; names that claim has, too, do not get mixed up."""
    template = synth("dev", {"relay": {"batch_size": 7, "lease_seconds": 31}})
    read = settings(template)
    assert (read.batch_size, read.lease_seconds) == (7, 31)
    assert environment(template.function("claim"))["CLAIM_BATCH_SIZE"] == "500"
    assert synth("dev").function("relay")["MemorySize"] == 256
