"""Every statement that a reviewer would question is listed here with its reason, and no other is in any template.

Questionable is a statement that allows something on every resource, by a wildcard in its actions, or to everybody or
a whole account.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.infra.conftest import Stacks
from tests.infra.templates import BROKERS, MYSQL, NO_VPC, RDS, VPC, Template, listed

STAGES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "dev": ("dev", {}),
    "prod": ("prod", {}),
    "outside a VPC": ("dev", {"network": NO_VPC, "database": MYSQL, "kafka": BROKERS}),
    "an API": ("dev", {"api": {"tokens": {"new_user_pool": True}}}),
    "existing VPC and RDS": ("prod", {"network": VPC, "database": RDS, "kafka": BROKERS}),
    "serverless, alarms by mail": (
        "prod",
        {"kafka": {"new": {"kind": "serverless", "brokers": None}}, "alarms": {"email": "ops@example.com"}},
    ),
}
NO_NARROWER = "the service knows no narrower resource for these actions"
ITS_OWN_KEY = "in a key's policy, * is the key itself"
#: the type of resource and to whom it allows something; then what, with the reason
LISTED: Mapping[str, Mapping[tuple[str, ...], str]] = {
    "AWS::IAM::Policy": {
        ("xray:PutTelemetryRecords", "xray:PutTraceSegments"): NO_NARROWER,
        (
            "ec2:AssignPrivateIpAddresses",
            "ec2:CreateNetworkInterface",
            "ec2:DeleteNetworkInterface",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeVpcs",
            "ec2:UnassignPrivateIpAddresses",
        ): f"Lambda enters the VPC as the function's role: {NO_NARROWER}",
        ("kafka:GetBootstrapBrokers",): f"the addresses of brokers are no secret: {NO_NARROWER}",
    },
    "AWS::KMS::Key to the account": {("kms:*",): f"{ITS_OWN_KEY}; without this nobody could manage it any more"},
    "AWS::KMS::Key to logs": {
        ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"): (
            f"{ITS_OWN_KEY}, and the condition names this stack's log groups"
        )
    },
    "AWS::KMS::Key to everybody": {
        ("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"): (
            f"{ITS_OWN_KEY}; the condition names this account and CloudWatch Logs, and a role says which groups"
        )
    },
    "AWS::KMS::Key to cloudwatch": {
        ("kms:Decrypt", "kms:GenerateDataKey*"): f"{ITS_OWN_KEY}, and the condition names this account"
    },
    "AWS::EC2::VPCEndpoint to lambda": {
        ("lambda:InvokeFunction", "sts:AssumeRole"): "Kafka's poller comes as Lambda itself, which has no account; the "
        "function's policy and the role's trust say what it may call and be"
    },
    "AWS::EC2::VPCEndpoint to everybody": {
        ("s3:PutObject",): "CloudFormation signs the URL of the answer, so that the principal is its own; the resource "
        "is its bucket for answers",
        ("sqs:GetQueueAttributes", "sqs:SendMessage"): "to this account, by the condition; the role says which queue",
        (
            "secretsmanager:DescribeSecret",
            "secretsmanager:GetRandomPassword",
            "secretsmanager:GetSecretValue",
            "secretsmanager:PutSecretValue",
            "secretsmanager:UpdateSecretVersionStage",
        ): "to this account, by the condition; the role says which secret",
    },
}
REASONS = {f"{where}: {it}": why for where, all_ in LISTED.items() for some, why in all_.items() for it in some}


def found(template: Template) -> Iterator[tuple[str, str]]:
    """Each questionable statement of a template as REASONS has it, and where it is."""
    for name, resource in template.body["Resources"].items():
        for statement in statements(resource["Properties"]):
            if statement["Effect"] == "Allow" and is_questionable(statement):
                yield from ((f"{resource['Type']}{to(statement)}: {it}", name) for it in listed(statement["Action"]))


def statements(node: Any) -> Iterator[Mapping[str, Any]]:
    """Every statement below, in whichever property the type keeps its policies."""
    if isinstance(node, list):
        for it in node:
            yield from statements(it)
    elif isinstance(node, dict):
        if "Effect" in node and "Action" in node:
            yield node
        else:
            yield from statements([*node.values()])


def is_questionable(statement: Mapping[str, Any]) -> bool:
    everywhere = "*" in listed(statement.get("Resource", []))
    return everywhere or any("*" in action for action in listed(statement["Action"])) or is_wide(statement)


def is_wide(statement: Mapping[str, Any]) -> bool:
    """Everybody, or whoever an account lets in."""
    principal = json.dumps(statement.get("Principal", ""))
    return '"*"' in principal or ":root" in principal


def to(statement: Mapping[str, Any]) -> str:
    if "Principal" not in statement:
        return ""
    principal = json.dumps(statement["Principal"])
    if is_wide(statement):
        return " to everybody" if '"*"' in principal else " to the account"
    return next(
        (f" to {service}" for service in ("logs", "cloudwatch", "lambda") if service in principal), f" to {principal}"
    )


@pytest.mark.parametrize("stage", STAGES)
def test_each_statement_that_a_reviewer_would_question_has_its_reason(stage: str, both: Stacks) -> None:
    """A new one has to be narrowed, or listed with its reason."""
    assert {what: name for it in both(*STAGES[stage]).values() for what, name in found(it) if what not in REASONS} == {}


def test_each_reason_has_its_statement(both: Stacks) -> None:
    """What is no longer allowed goes from the list."""
    allowed = {what for stage in STAGES.values() for it in both(*stage).values() for what, _ in found(it)}
    assert set(REASONS) - allowed == set()


def test_a_managed_policy_is_only_the_cdk_s_own_function_s(both: Stacks) -> None:
    """The one that empties the VPC's default group; AWS may extend such a policy at any time."""
    for stage in STAGES.values():
        for template in both(*stage).values():
            roles = [it for it in template.body["Resources"].items() if it[1]["Type"] == "AWS::IAM::Role"]
            managed = [name for name, it in roles if it["Properties"].get("ManagedPolicyArns")]
            assert all(name.startswith("CustomVpcRestrictDefaultSG") for name in managed)
