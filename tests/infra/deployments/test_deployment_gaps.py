"""Each kind of resource that the server of test_deployment.py cannot hold has a reason, and a test on the template."""

from collections.abc import Callable, Mapping

import pytest

from local.account.gaps import KAFKA_SOURCE, LACKED, MADE, OF_OTHER_STAGES, OF_THE_BOOTSTRAP, TOPIC, complaints, kind_of
from local.account.resources.models import MODELS
from tests.infra.conftest import Stacks
from tests.infra.templates import Resource, Template, told


def of_kafka(_: Template, delivery: Template) -> None:
    """The topic feeds ingest from its oldest record on, and a batch is repeated until it succeeds."""
    source = delivery.source("ingest")
    assert source["StartingPosition"] == "TRIM_HORIZON"
    assert not {"DestinationConfig", "MaximumRetryAttempts"} & set(source)


def resource_policy(data: Template, _: Template) -> None:
    """Nobody of the account can delete the password that RDS uses."""
    policy = data.one("AWS::SecretsManager::ResourcePolicy")
    assert data.named(policy["SecretId"]) == data.one("AWS::SecretsManager::Secret")
    (statement,) = policy["ResourcePolicy"]["Statement"]
    assert (statement["Effect"], statement["Action"]) == ("Deny", "secretsmanager:DeleteSecret")


def rotation(data: Template, _: Template) -> None:
    """AWS's own function rotates the secret that is attached to MySQL."""
    schedule = data.one("AWS::SecretsManager::RotationSchedule")
    assert data.kind_of(schedule["SecretId"]) == "AWS::SecretsManager::SecretTargetAttachment"
    assert data.kind_of(schedule["RotationLambdaARN"]) == "AWS::Serverless::Application"
    assert schedule["RotationRules"] == {"ScheduleExpression": "rate(30 days)"}


def attachment(data: Template, _: Template) -> None:
    """The secret gets the address of MySQL, whose password comes from the same secret."""
    attached = data.one("AWS::SecretsManager::SecretTargetAttachment")
    assert data.kind_of(attached["TargetId"]) == "AWS::RDS::DBInstance"
    assert attached["SecretId"]["Ref"] in str(data.one("AWS::RDS::DBInstance")["MasterUserPassword"])


def application(data: Template, delivery: Template) -> None:
    """The function that rotates is in the subnets and the group of our functions, which MySQL lets in."""
    parameters = data.one("AWS::Serverless::Application")["Parameters"]
    placed = delivery.function("claim")["VpcConfig"]
    assert [parameters["vpcSecurityGroupIds"]] == [told(data, it) for it in placed["SecurityGroupIds"]]
    assert all(str(told(data, it)) in str(parameters["vpcSubnetIds"]) for it in placed["SubnetIds"])
    assert parameters["functionName"]


def default_group(data: Template, _: Template) -> None:
    """The default group of the new VPC is emptied, so it lets nothing through."""
    emptied = data.one("Custom::VpcRestrictDefaultSG")["DefaultSecurityGroupId"]
    assert data.kind_of(emptied) == "AWS::EC2::VPC"
    assert emptied["Fn::GetAtt"][1] == "DefaultSecurityGroup"


def configuration(data: Template, _: Template) -> None:
    """The brokers use it: topics are not made automatically, and no lagging replica becomes leader."""
    cluster = data.one("AWS::MSK::Cluster")["ConfigurationInfo"]
    assert data.named(cluster["Arn"]) == data.named(cluster["Revision"]) == data.one("AWS::MSK::Configuration")
    said = data.one("AWS::MSK::Configuration")["ServerProperties"].splitlines()
    assert {"auto.create.topics.enable=false", "unclean.leader.election.enable=false"} <= set(said)


def topic(data: Template, delivery: Template) -> None:
    """The topic's function is asked for the topic that ingest reads, on the new cluster."""
    asked = delivery.one(TOPIC)
    assert delivery.named(asked["ServiceToken"]) == delivery.function("topic")
    assert data.kind_of(told(data, asked["KAFKA_CLUSTER_ARN"])) == "AWS::MSK::Cluster"
    assert [asked["KAFKA_TOPIC"]] == delivery.source("ingest")["Topics"]


CLAIMS: Mapping[str, Callable[[Template, Template], None]] = {
    KAFKA_SOURCE: of_kafka,
    "AWS::MSK::Configuration": configuration,
    "AWS::SecretsManager::ResourcePolicy": resource_policy,
    "AWS::SecretsManager::RotationSchedule": rotation,
    "AWS::SecretsManager::SecretTargetAttachment": attachment,
    "AWS::Serverless::Application": application,
    TOPIC: topic,
    "Custom::VpcRestrictDefaultSG": default_group,
}


def resources(both: Stacks) -> list[Resource]:
    return [it for stack in both("dev").values() for it in stack.body["Resources"].values()]


def test_the_server_holds_all_but_what_is_listed(both: Stacks) -> None:
    """A new kind has to be listed; one that moto makes by now, or that no stack has any more, has to go."""
    assert [*complaints(resources(both))] == []


@pytest.mark.parametrize("kind", sorted(LACKED))
def test_what_it_does_not_hold_is_right_in_the_template(kind: str, both: Stacks) -> None:
    assert kind in CLAIMS, f"{kind} is listed in LACKED: add what the template has to say of it to CLAIMS"
    CLAIMS[kind](both("dev")["data"], both("dev")["delivery"])


def test_the_lists_are_what_the_server_goes_by() -> None:
    """Each kind has a model, and each claim belongs to a kind."""
    assert set(MODELS) == {*MADE, *LACKED, *OF_OTHER_STAGES, OF_THE_BOOTSTRAP} - {KAFKA_SOURCE}
    assert not {*MADE} & {*LACKED}
    assert set(CLAIMS) <= set(LACKED)


def test_each_complaint_names_the_kind_and_what_to_do(both: Stacks) -> None:
    """One line for a kind that nobody makes, one for a kind that no stack has."""
    new = {"Type": "AWS::MSK::Replicator", "Properties": {}}
    rest = [it for it in resources(both) if kind_of(it) != KAFKA_SOURCE]
    unknown, useless = complaints([new, *rest])
    assert unknown.startswith("AWS::MSK::Replicator: moto makes none; list it in local/account/gaps.py")
    assert useless.startswith(f"{KAFKA_SOURCE}: no stack has one; take it out of")
