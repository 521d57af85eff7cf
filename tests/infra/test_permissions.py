"""What each role may do: exactly this, on exactly these things."""

from collections.abc import Mapping

import pytest

from tests.infra.conftest import Synthesis
from tests.infra.templates import FUNCTIONS, MYSQL, Template, environment, listed

EVERY = {
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}
#: of the way in to a MySQL that IAM does not know
BY_SECRET = {"secretsmanager:GetSecretValue"}
BY_IAM = {"rds-db:connect"}
#: of Kafka's password
POLLER = {"ingest": BY_SECRET, "claim": set[str](), "send": set[str]()}
OWN = {
    "ingest": {"sqs:SendMessage"},
    "claim": {"sqs:SendMessage", "sqs:GetQueueAttributes"},
    "send": {
        "kms:Decrypt",
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:GetQueueUrl",
        "sqs:ReceiveMessage",
    },
}
#: X-Ray's and EC2's interface actions know no narrower resource
ON_ANYTHING = {
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
    "ec2:UnassignPrivateIpAddresses",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}


@pytest.mark.parametrize("word", FUNCTIONS)
def test_a_function_may_do_this_and_nothing_else(word: str, beside: Template, local: Template, dev: Template) -> None:
    """Ingest cannot read the queue, claim cannot decrypt, send cannot fill the queue."""
    for template in (beside, local):
        assert set(template.allowed(word)) == EVERY | OWN[word] | BY_SECRET
    assert set(dev.allowed(word)) == EVERY | OWN[word] | ON_ANYTHING | BY_IAM | POLLER[word]


def test_only_what_knows_no_narrower_resource_is_allowed_on_anything(stages: Mapping[str, Template]) -> None:
    """A wildcard is a list of exceptions, and this is the list."""
    for template in stages.values():
        for word in FUNCTIONS:
            anywhere = {action for action, resources in template.allowed(word).items() if "*" in resources}
            assert anywhere <= ON_ANYTHING
            assert not any(action.endswith("*") for action in template.allowed(word))


def test_outside_of_a_vpc_nothing_is_allowed_in_ec2(beside: Template) -> None:
    """The interfaces' permissions come with the network, and only with it."""
    for word in FUNCTIONS:
        assert not any(action.startswith("ec2:") for action in beside.allowed(word))


def test_no_role_carries_a_policy_of_somebody_else(stages: Mapping[str, Template]) -> None:
    """A managed policy grows without a deployment."""
    for template in stages.values():
        assert not any("ManagedPolicyArns" in role for role in template.all("AWS::IAM::Role"))


def test_one_secret_is_read_and_it_is_the_database_s(beside: Template) -> None:
    """Send and claim have no business with Kafka's password."""
    for word in ("claim", "send"):
        assert beside.allowed(word)["secretsmanager:GetSecretValue"] == [MYSQL["secret_arn"]]
        assert environment(beside.function(word))["DATABASE_SECRET_ARN"] == MYSQL["secret_arn"]


def test_ingest_may_also_read_the_secret_that_its_poller_logs_in_with(dev: Template) -> None:
    """Lambda reads it as the function's role."""
    login = dev.source("ingest")["SourceAccessConfigurations"][0]["URI"]
    assert login in dev.allowed("ingest")["secretsmanager:GetSecretValue"]


def test_msk_lets_ingest_read_one_topic_as_one_group(prod: Template) -> None:
    """Not the cluster's other topics."""
    allowed = prod.allowed("ingest")
    base = "arn:aws:kafka:ap-southeast-1:222222222222:{}/hongyan/aaaaaaaa-0000-0000-0000-aaaaaaaaaaaa-1{}"
    assert allowed["kafka-cluster:ReadData"] == [base.format("topic", "/smartflow.notification.outbox")]
    assert allowed["kafka-cluster:AlterGroup"] == [base.format("group", "/hongyan")]
    assert allowed["kafka-cluster:Connect"] == [base.format("cluster", "")]
    assert "kafka-cluster:WriteData" not in allowed


def test_queue_and_key_grants_name_the_stack_s_own(dev: Template) -> None:
    """The dead-letter queue is nobody's to touch."""
    fed = dev.source("send")["EventSourceArn"]
    for word, action in (("ingest", "sqs:SendMessage"), ("claim", "sqs:SendMessage"), ("send", "sqs:ReceiveMessage")):
        assert dev.allowed(word)[action] == [fed]
    (key,) = dev.allowed("send")["kms:Decrypt"]
    assert dev.kind_of(key) == "AWS::KMS::Key"


def test_the_scheduler_may_call_claim_and_no_other_function(dev: Template) -> None:
    """Not a version or an alias of it either, and only from this account."""
    role = dev.one("AWS::Scheduler::Schedule")["Target"]["RoleArn"]
    (statement,) = dev.statements(role)
    assert listed(statement["Action"]) == ["lambda:InvokeFunction"]
    assert [dev.named(resource) for resource in listed(statement["Resource"])] == [dev.function("claim")]
    (trust,) = dev.named(role)["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_the_data_key_rotates_and_outlives_the_stack_with_the_rows_that_need_it(synth: Synthesis) -> None:
    """Without it no stored credential can be read again; where MySQL goes with the stack, it has nothing to open."""
    destroy = {"removal_policy": "destroy", "database": {"new": {"deletion_protection": False}}}
    for template, policy in (
        (synth("prod"), "Retain"),
        (synth("prod", destroy), "Delete"),
        (synth("dev", {"database": MYSQL}), "Retain"),
    ):
        wrapping = template.named(environment(template.function("send"))["DATA_KEY_ARN"])
        (key,) = [it for it in template.body["Resources"].values() if it.get("Properties") == wrapping]
        assert (key["DeletionPolicy"], key["UpdateReplacePolicy"]) == (policy, policy)
        assert key["Properties"]["EnableKeyRotation"] is True
