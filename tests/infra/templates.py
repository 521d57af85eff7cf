"""Finds resources in a synthesized template by what they are and do, never by logical id."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Resource = dict[str, Any]

#: the stages of every stack; what is deployed has the migration, too, and with a new Kafka what makes the topic
FUNCTIONS = ("ingest", "claim", "send", "prune")
DEPLOYED = (*FUNCTIONS, "migrate")
WITH_TOPIC = (*DEPLOYED, "topic")

#: what a stage says that lives with what there is
VPC: Mapping[str, Any] = {
    **dict.fromkeys(("new", "nat", "zones", "endpoints")),  # whatever the stage says of a new one
    "vpc_id": "vpc-0a0a0a0a",
    "subnet_ids": ["subnet-0a0a0a0a", "subnet-0b0b0b0b"],
    "security_group_ids": ["sg-0a0a0a0a", "sg-0b0b0b0b"],
}
MYSQL: Mapping[str, Any] = {
    "new": None,
    "endpoint": "mysql.internal",
    "secret_arn": "arn:aws:secretsmanager:eu-west-1:111111111111:secret:mysql-AbCdEf",
}
RDS: Mapping[str, Any] = {
    **MYSQL,
    "endpoint": "mysql.abcdefghijkl.eu-west-1.rds.amazonaws.com",
    "iam_resource_id": "db-ABCDEFGHIJKL01234",
    "name": "smartflow",
}
NO_VPC = None
#: three ways to have Kafka without making it
BROKERS: Mapping[str, Any] = {
    "new": None,
    "bootstrap_servers": ["kafka-1.internal:9096"],
    "auth_secret_arn": "arn:aws:secretsmanager:eu-west-1:111111111111:secret:kafka-AbCdEf",
}
TLS_BROKERS: Mapping[str, Any] = {
    **BROKERS,
    "auth_mechanism": "TLS",
    "ca_secret_arn": "arn:aws:secretsmanager:eu-west-1:111111111111:secret:kafka-ca-AbCdEf",
}
MSK: Mapping[str, Any] = {
    "new": None,
    "cluster_arn": "arn:aws:kafka:eu-west-1:222222222222:cluster/events/0a1b2c3d-1111-2222-3333-444455556666-7",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    body: Mapping[str, Any]
    #: whether CloudFormation refuses to delete its stack
    protected: bool = False
    #: ids in the assembly: stacks, by name, and its own assets
    deployed_after: Sequence[str] = ()
    #: of the stack itself
    tags: Mapping[str, str] = field(default_factory=dict)

    def all(self, kind: str) -> list[Resource]:
        return [it["Properties"] for it in self.body["Resources"].values() if it["Type"] == kind]

    def one(self, kind: str) -> Resource:
        (only,) = self.all(kind)
        return only

    def named(self, reference: Any) -> Resource:
        """The resource that a Ref or the Arn of a GetAtt points to."""
        properties: Resource = self.body["Resources"][_target(reference)]["Properties"]
        return properties

    def kind_of(self, reference: Any) -> str:
        return str(self.body["Resources"][_target(reference)]["Type"])

    def function(self, word: str) -> Resource:
        (only,) = [it for it in self.all("AWS::Lambda::Function") if environment(it)["POWERTOOLS_SERVICE_NAME"] == word]
        return only

    def schedule(self, word: str) -> Resource:
        """What calls the function again and again."""
        schedules = self.all("AWS::Scheduler::Schedule")
        (only,) = [it for it in schedules if self.named(it["Target"]["Arn"]) == self.function(word)]
        return only

    def source(self, word: str) -> Resource:
        """The event source of the function: of send, the one with pointers."""
        (only,) = [it for it in self._sources(word) if not self._brings_reports(it)]
        return only

    def source_of_reports(self) -> Resource:
        (only,) = [it for it in self._sources("send") if self._brings_reports(it)]
        return only

    def _sources(self, word: str) -> list[Resource]:
        sources = self.all("AWS::Lambda::EventSourceMapping")
        return [it for it in sources if self.named(it["FunctionName"]) == self.function(word)]

    def _brings_reports(self, source: Resource) -> bool:
        url = environment(self.function("send"))["REPORT_QUEUE_URL"]
        return source.get("EventSourceArn") == {"Fn::GetAtt": [_target(url), "Arn"]}

    def statements(self, role: Any) -> Iterator[Resource]:
        """What the role may do, wherever it is written."""
        for policy in self.all("AWS::IAM::Policy"):
            if _target(role) in map(_target, policy["Roles"]):
                yield from policy["PolicyDocument"]["Statement"]
        for policy in self.named(role).get("Policies", []):
            yield from policy["PolicyDocument"]["Statement"]

    def allowed(self, word: str) -> dict[str, list[Any]]:
        """Each action of a function's role, with the resources it is allowed on."""
        found: dict[str, list[Any]] = {}
        for statement in self.statements(self.function(word)["Role"]):
            for action in listed(statement["Action"]):
                found.setdefault(action, []).extend(listed(statement["Resource"]))
        return found


def stands_in(word: str, stacks: Mapping[str, Template], what: str) -> list[Resource]:
    """The subnets (`SubnetIds`) or groups (`SecurityGroupIds`) of a function, which the data stack made."""
    return [
        stacks["data"].named(told(stacks["data"], it)) for it in stacks["delivery"].function(word)["VpcConfig"][what]
    ]


def told(data: Template, reference: Any) -> Any:
    """What the data stack gives for a reference of the stack that delivers."""
    exported = {it["Export"]["Name"]: it["Value"] for it in data.body["Outputs"].values() if "Export" in it}
    return exported[reference["Fn::ImportValue"]]


def tagged(resource: Mapping[str, Any], key: str) -> str:
    (value,) = [tag["Value"] for tag in resource["Tags"] if tag["Key"] == key]
    return str(value)


def environment(function: Resource) -> dict[str, Any]:
    return dict(function["Environment"]["Variables"])


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _target(reference: Any) -> str:
    if isinstance(reference, str):
        return reference
    return str(reference["Ref"] if "Ref" in reference else reference["Fn::GetAtt"][0])
