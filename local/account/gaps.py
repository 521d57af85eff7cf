"""Lists the types of resources in our stacks that moto's CloudFormation cannot make, each with the reason."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from moto.cloudformation.parsing import get_model_map

Resource = Mapping[str, Any]

KAFKA_SOURCE = "AWS::Lambda::EventSourceMapping of Kafka"
MIGRATIONS = "Custom::Migrations"
TOPIC = "Custom::KafkaTopic"

#: Kinds made by local/account/resources/models.py through moto's own API → what moto's CloudFormation gets wrong.
MADE: Mapping[str, str] = {
    "AWS::CloudWatch::Alarm": "its CloudFormation has no such type, its CloudWatch has",
    "AWS::EC2::SecurityGroup": "it fails at a rule for all ports",
    "AWS::EC2::SecurityGroupEgress": "its CloudFormation has no such type, its EC2 has",
    "AWS::KMS::Key": "it fails at a key's tags",
    "AWS::Lambda::EventInvokeConfig": "its CloudFormation has no such type, its Lambda has",
    "AWS::Lambda::EventSourceMapping": "it does not update the concurrency",
    "AWS::Lambda::Function": "it drops layers, architecture and tracing",
    "AWS::Lambda::LayerVersion": "it refers to a layer without its version, and knows no update",
    "AWS::Logs::LogGroup": "it drops the key, and knows no update",
    "AWS::MSK::Cluster": "its CloudFormation has no such type, its MSK has",
    "AWS::RDS::DBInstance": "it drops security groups, the authority and what it logs",
    "AWS::RDS::DBParameterGroup": "it answers no reference",
    "AWS::RDS::DBSubnetGroup": "it answers no reference",
    "AWS::SQS::QueuePolicy": "its CloudFormation has no such type, its queues have the attribute",
    "AWS::Scheduler::Schedule": "its CloudFormation has no such type, its Scheduler has",
    "AWS::SecretsManager::Secret": "its CloudFormation has no such type, its Secrets Manager has",
    MIGRATIONS: "it would run the function in Docker: here the deployed code runs, on a real MySQL",
}

#: Kinds that are only recorded, so that references resolve → why. test_deployment_gaps.py checks each claim.
LACKED: Mapping[str, str] = {
    KAFKA_SOURCE: "its Lambda refuses event sources other than SQS, DynamoDB and Kinesis",
    "AWS::MSK::Configuration": "neither its CloudFormation nor its MSK has one",
    "AWS::SecretsManager::ResourcePolicy": "its CloudFormation has no such type",
    "AWS::SecretsManager::RotationSchedule": "its CloudFormation has no such type, and rotation needs a function",
    "AWS::SecretsManager::SecretTargetAttachment": "its CloudFormation has no such type",
    "AWS::Serverless::Application": "it has no applications of AWS's own, such as the one that rotates secrets",
    TOPIC: "it would run it in Docker, and has no brokers: tests/integration/deployment/test_topic_function.py has",
    "Custom::VpcRestrictDefaultSG": "it would run AWS's function in Docker",
}

#: The same for stages whose settings differ from those in test_deployment.py.
OF_OTHER_STAGES: Mapping[str, str] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": "its Application Auto Scaling does not know Kafka; only recorded",
    "AWS::ApplicationAutoScaling::ScalingPolicy": "likewise",
    "AWS::MSK::ServerlessCluster": "its CloudFormation has no such type, its MSK has",
    "AWS::SNS::Subscription": "its CloudFormation has no such type, its SNS has",
    "AWS::SNS::TopicPolicy": "its CloudFormation has no such type, its topics have the attribute",
}

#: From `cdk bootstrap`'s stack: moto ignores the conditions of its Deny and would lock everyone out.
OF_THE_BOOTSTRAP = "AWS::S3::BucketPolicy"


def kind_of(resource: Resource) -> str:
    """The resource's type, except that Kafka event sources are a kind of their own."""
    kind = str(resource["Type"])
    if kind == "AWS::Lambda::EventSourceMapping" and "Topics" in resource["Properties"]:
        return KAFKA_SOURCE
    return kind


def complaints(resources: Sequence[Resource]) -> Iterator[str]:
    """A line for each kind that nothing makes, and for each that is listed needlessly."""
    kinds, held = {kind_of(it) for it in resources}, set(get_model_map())
    for kind in sorted(kinds - held - {*MADE, *LACKED, *OF_OTHER_STAGES}):
        yield f"{kind}: moto makes none; list it in local/account/gaps.py, in MADE with a model or in LACKED"
    for kind in sorted({*MADE, *LACKED} - kinds):
        yield f"{kind}: no stack has one; take it out of local/account/gaps.py"
    for kind in sorted(held & {*LACKED}):
        yield f"{kind}: moto makes it by now; take it out of local/account/gaps.py"


def missing(resources: Sequence[Resource]) -> Iterator[str]:
    """A line for each kind that nothing makes."""
    for kind in sorted({kind_of(it) for it in resources} - {*get_model_map(), *MADE, *LACKED, *OF_OTHER_STAGES}):
        yield f"{kind}: moto makes none; list it in local/account/gaps.py, in MADE with a model or in LACKED"
