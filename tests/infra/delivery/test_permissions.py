"""Each role may do exactly what is listed here, on exactly these resources."""

from collections.abc import Mapping

import pytest

from tests.infra.conftest import Synthesis
from tests.infra.templates import BROKERS, FUNCTIONS, MSK, MYSQL, WITH_TOPIC, Template, environment, listed

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
KAFKA = {
    "ingest": BY_SECRET,
    "claim": set[str](),
    "send": set[str](),
    "relay": BY_SECRET,
    "prune": set[str](),
}
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
        "sqs:SendMessage",
    },
    "relay": set[str](),
    "prune": set[str](),
}
#: of MSK; it knows no narrower resource either
FIND_BROKERS = {"kafka:GetBootstrapBrokers"}
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
def test_a_function_may_do_this_and_nothing_else(
    word: str, beside: Template, local: Template, synth: Synthesis
) -> None:
    """Ingest cannot read the queue, claim cannot decrypt, and relay and prune use no queue at all."""
    for template in (beside, local):
        assert set(template.allowed(word)) == EVERY | OWN[word] | BY_SECRET
    inside = set(synth("dev", {"kafka": BROKERS}).allowed(word))
    assert inside == EVERY | OWN[word] | ON_ANYTHING | BY_IAM | KAFKA[word]


def test_only_what_knows_no_narrower_resource_is_allowed_on_anything(stages: Mapping[str, Template]) -> None:
    """These are the only actions on every resource."""
    for stage, template in stages.items():
        for word in FUNCTIONS if stage == "local" else WITH_TOPIC:
            anywhere = {action for action, resources in template.allowed(word).items() if "*" in resources}
            assert anywhere <= ON_ANYTHING | FIND_BROKERS
            assert not any(action.endswith("*") for action in template.allowed(word))


def test_outside_of_a_vpc_nothing_is_allowed_in_ec2(beside: Template) -> None:
    """Only a function in a VPC may make network interfaces."""
    for word in FUNCTIONS:
        assert not any(action.startswith("ec2:") for action in beside.allowed(word))


def test_no_role_carries_a_policy_of_somebody_else(stages: Mapping[str, Template]) -> None:
    """AWS may extend a managed policy at any time."""
    for template in stages.values():
        assert not any("ManagedPolicyArns" in role for role in template.all("AWS::IAM::Role"))


def test_one_secret_is_read_and_it_is_the_database_s(beside: Template) -> None:
    """Send, claim and prune do not need Kafka's password."""
    for word in ("claim", "send", "prune"):
        assert beside.allowed(word)["secretsmanager:GetSecretValue"] == [MYSQL["secret_arn"]]
        assert environment(beside.function(word))["DATABASE_SECRET_ARN"] == MYSQL["secret_arn"]


def test_ingest_may_also_read_the_secret_that_its_poller_logs_in_with(beside: Template) -> None:
    """Lambda reads it as the function's role."""
    login = beside.source("ingest")["SourceAccessConfigurations"][0]["URI"]
    assert login in beside.allowed("ingest")["secretsmanager:GetSecretValue"]


def test_msk_lets_ingest_read_one_topic_as_one_group(synth: Synthesis) -> None:
    """Not the cluster's other topics."""
    allowed = synth("prod", {"kafka": MSK}).allowed("ingest")
    base = "arn:aws:kafka:eu-west-1:222222222222:{}/events/0a1b2c3d-1111-2222-3333-444455556666-7{}"
    assert allowed["kafka-cluster:ReadData"] == [base.format("topic", "/smartflow.notification.outbox")]
    assert allowed["kafka-cluster:AlterGroup"] == [base.format("group", "/hongyan-prod")]
    assert allowed["kafka-cluster:Connect"] == [base.format("cluster", "")]
    assert "kafka-cluster:WriteData" not in allowed


def test_queue_and_key_grants_name_the_stack_s_own(dev: Template) -> None:
    """No function may use a dead-letter queue. Claim only asks how many reports wait, and ingest not even that."""
    pointers, reports = dev.source("send")["EventSourceArn"], dev.source_of_reports()["EventSourceArn"]
    used = [(word, action) for word in FUNCTIONS for action in OWN[word] if action.startswith("sqs:")]
    only = {
        ("ingest", "sqs:SendMessage"): [pointers],
        ("claim", "sqs:SendMessage"): [pointers],
        ("send", "sqs:SendMessage"): [reports],
    }
    for word, action in used:
        queues = only.get((word, action), [pointers, reports])
        assert sorted(map(str, dev.allowed(word)[action])) == sorted(map(str, queues))
    (key,) = dev.allowed("send")["kms:Decrypt"]
    assert dev.kind_of(key) == "AWS::KMS::Key"


@pytest.mark.parametrize("word", ["claim", "relay", "prune"])
def test_a_schedule_may_call_its_function_and_no_other(word: str, dev: Template) -> None:
    """No version or alias either, and only for this account."""
    role = dev.schedule(word)["Target"]["RoleArn"]
    (statement,) = dev.statements(role)
    assert listed(statement["Action"]) == ["lambda:InvokeFunction"]
    assert [dev.named(resource) for resource in listed(statement["Resource"])] == [dev.function(word)]
    (trust,) = dev.named(role)["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_the_data_key_rotates_and_outlives_the_stack_with_the_rows_that_need_it(synth: Synthesis) -> None:
    """No stored credential can be read without it; if MySQL goes with the stack, it is no longer needed."""
    destroy = {"removal_policy": "destroy", "database": {"new": {"deletion_protection": False}}}
    for template, policy in (
        (synth("prod"), "RetainExceptOnCreate"),
        (synth("prod", destroy), "Delete"),
        (synth("dev", {"database": MYSQL}), "RetainExceptOnCreate"),
    ):
        wrapping = template.named(environment(template.function("send"))["DATA_KEY_ARN"])
        (key,) = [it for it in template.body["Resources"].values() if it.get("Properties") == wrapping]
        assert (key["DeletionPolicy"], key["UpdateReplacePolicy"]) == (policy, policy.removesuffix("ExceptOnCreate"))
        assert key["Properties"]["EnableKeyRotation"] is True


def test_an_existing_data_key_is_used_instead_of_a_new_one(synth: Synthesis) -> None:
    """Send may decrypt with it and with earlier ones, and with no other key."""
    key, *old = (f"arn:aws:kms:eu-west-1:111111111111:key/{digit}" for digit in "123")
    template = synth("prod", {"data_key_arn": key, "old_data_key_arns": old})
    assert environment(template.function("send"))["DATA_KEY_ARN"] == key
    assert template.body["Outputs"]["DataKeyArn"]["Value"] == key
    assert template.allowed("send")["kms:Decrypt"] == [key, *old]
    assert [it["Description"] for it in template.all("AWS::KMS::Key")] == ["Hongyan (prod): encrypts logs"]
