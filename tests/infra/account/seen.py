"""Lists what our stacks made or left in an account, read through AWS's APIs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.servers.aws import Aws
from tests.infra.templates import listed

Item = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    #: by the last part of the name, without bootstrap's own
    stacks: Mapping[str, Item]
    #: oldest first
    events: Mapping[str, list[Item]]
    functions: list[Item]
    #: what the roles of our functions may do, by their ARN
    statements: Mapping[str, list[Item]]
    #: of queues
    sources: list[Item]
    #: attributes by name
    queues: Mapping[str, Item]
    keys: list[Item]
    log_groups: list[Item]
    alarms: Mapping[str, Item]
    schedules: list[Item]
    vpcs: list[Item]
    security_groups: Mapping[str, Item]
    databases: list[Item]
    snapshots: list[str]
    secrets: list[Item]
    clusters: list[Item]

    def physical_id(self, stack: str, logical_id: str) -> str:
        ids = [it["PhysicalResourceId"] for it in self.events[stack] if it["LogicalResourceId"] == logical_id]
        return str(ids[-1])

    def output(self, stack: str, name: str) -> str:
        (value,) = [it["OutputValue"] for it in self.stacks[stack]["Outputs"] if it["OutputKey"] == name]
        return str(value)

    def exported(self, name: str) -> str:
        told = [it for stack in self.stacks.values() for it in stack.get("Outputs", [])]
        (value,) = {it["OutputValue"] for it in told if it.get("ExportName") == name}
        return str(value)

    def queue(self, output: str) -> Item:
        """The queue whose URL is this output of the delivery stack."""
        return self.queues[self.output("delivery", output).rpartition("/")[2]]

    def function(self, word: str) -> Item:
        (only,) = [it for it in self.functions if _variables(it).get("POWERTOOLS_SERVICE_NAME") == word]
        return only

    def allowed(self, word: str, action: str) -> list[str]:
        """The resources on which a function's role may do this."""
        statements = self.statements[self.function(word)["Role"]]
        return [str(it["Resource"]) for it in statements if action in listed(it["Action"])]

    def code(self, word: str) -> tuple[str, list[str]]:
        """A function's own code and the versions of its layers."""
        function = self.function(word)
        return function["CodeSha256"], [layer["Arn"] for layer in function["Layers"]]


def seen(aws: Aws) -> Seen:
    client = _clients(aws)
    stacks = [it for it in client("cloudformation").describe_stacks()["Stacks"] if it["StackName"] != "CDKToolkit"]
    queues = client("sqs").list_queues().get("QueueUrls", [])
    keys = [it["KeyId"] for it in client("kms").list_keys()["Keys"]]
    schedules = client("scheduler").list_schedules()["Schedules"]
    functions = client("lambda").list_functions()["Functions"]
    return Seen(
        stacks={_word(it): it for it in stacks},
        events={_word(it): _events(client("cloudformation"), it) for it in stacks},
        functions=functions,
        statements={it["Role"]: _statements(client("iam"), it["Role"]) for it in functions if _variables(it)},
        sources=[it for it in _sources(client("lambda")) if "Topics" not in it],
        queues={url.rpartition("/")[2]: _attributes(client("sqs"), url) for url in queues},
        keys=[dict(client("kms").describe_key(KeyId=it)["KeyMetadata"]) for it in keys],
        log_groups=client("logs").describe_log_groups()["logGroups"],
        alarms={it["AlarmName"]: it for it in client("cloudwatch").describe_alarms()["MetricAlarms"]},
        schedules=[_lasting(client("scheduler").get_schedule(Name=it["Name"])) for it in schedules],
        vpcs=[it for it in client("ec2").describe_vpcs()["Vpcs"] if not it["IsDefault"]],
        security_groups={it["GroupId"]: it for it in client("ec2").describe_security_groups()["SecurityGroups"]},
        snapshots=[it["DBSnapshotIdentifier"] for it in client("rds").describe_db_snapshots()["DBSnapshots"]],
        databases=[_lasting(it) for it in client("rds").describe_db_instances()["DBInstances"]],
        secrets=client("secretsmanager").list_secrets()["SecretList"],
        clusters=[_cluster(client("kafka"), it) for it in client("kafka").list_clusters()["ClusterInfoList"]],
    )


def _cluster(kafka: Any, one: Item) -> Item:
    return dict(kafka.describe_cluster(ClusterArn=one["ClusterArn"])["ClusterInfo"])


def _sources(lambda_: Any) -> list[Item]:
    return list(lambda_.list_event_source_mappings()["EventSourceMappings"])


def _clients(aws: Aws) -> Any:
    return lambda service: aws.session.client(service, endpoint_url=aws.endpoint_url)


def _variables(function: Item) -> Item:
    return dict(function.get("Environment", {}).get("Variables", {}))


def _word(stack: Item) -> str:
    return str(stack["StackName"]).rpartition("-")[2]


def _events(cloudformation: Any, stack: Item) -> list[Item]:
    return list(reversed(cloudformation.describe_stack_events(StackName=stack["StackName"])["StackEvents"]))


def _attributes(sqs: Any, url: str) -> Item:
    return dict(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"])


def _statements(iam: Any, arn: str) -> list[Item]:
    role = arn.rpartition("/")[2]
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    policies = [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names]
    return [statement for policy in policies for statement in listed(policy["Statement"])]


def _lasting(item: Item) -> Item:
    """Without what differs each time."""
    return {name: value for name, value in item.items() if name not in ("ResponseMetadata", "LatestRestorableTime")}
