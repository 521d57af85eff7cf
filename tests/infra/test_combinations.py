"""Whatever a stage has already: new or existing VPC and MySQL with each way to have Kafka, and what is then made."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Validations
from cdk_nag import AwsSolutionsChecks
from cfnlint.api import ManualArgs, lint  # type: ignore[import-untyped]

from cdk.assembly import stage_app
from cdk.settings.context import merged, own_context
from tests.infra.conftest import Stacks
from tests.infra.templates import BROKERS, MSK, MYSQL, TLS_BROKERS, VPC, Template
from tests.infra.test_checks import CDK_S_OWN

Settings = Mapping[str, Any]

NETWORKS: Mapping[str, tuple[Settings, set[str]]] = {
    "new-vpc": ({"new": True}, {"AWS::EC2::VPC"}),
    "existing-vpc": (VPC, set()),
}
DATABASES: Mapping[str, tuple[Settings, set[str]]] = {
    "new-mysql": ({"new": {}}, {"AWS::RDS::DBInstance"}),
    "existing-mysql": (MYSQL, set()),
}
KAFKAS: Mapping[str, tuple[Settings, set[str]]] = {
    "serverless": ({"new": {"kind": "serverless", "brokers": None}}, {"AWS::MSK::ServerlessCluster"}),
    "provisioned": ({"new": {"brokers": {"storage_max_gb": 99}}}, {"AWS::MSK::Cluster"}),
    "existing-msk": (MSK, set()),
    "scram": (BROKERS, set()),
    "tls": (TLS_BROKERS, set()),
}
MADE = set().union(*(made for part in (NETWORKS, DATABASES, KAFKAS) for _, made in part.values()))
COMBINATIONS = [(network, database, kafka) for network in NETWORKS for database in DATABASES for kafka in KAFKAS]


def settings(network: str, database: str, kafka: str) -> Settings:
    return {"network": NETWORKS[network][0], "database": DATABASES[database][0], "kafka": KAFKAS[kafka][0]}


@pytest.mark.parametrize(("network", "database", "kafka"), COMBINATIONS)
def test_what_is_new_is_made_and_cdk_nag_finds_nothing(network: str, database: str, kafka: str, tmp_path: Path) -> None:
    """In the data stack, which is there only for that; neither is there a circle between the two."""
    stages = {"dev": settings(network, database, kafka)}
    changes = {"stage": "dev", "stages": stages, "aws:cdk:bundling-stacks": []}
    app = stage_app(merged(own_context(), changes), out=tmp_path)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    made = {stack.stack_name: kinds(Path(stack.template_full_path)) for stack in app.synth().stacks}
    wanted = NETWORKS[network][1] | DATABASES[database][1] | KAFKAS[kafka][1]
    assert made.pop("hongyan-dev-delivery") & MADE == set()
    assert made == ({"hongyan-dev-data": made["hongyan-dev-data"]} if wanted else {})
    assert made.get("hongyan-dev-data", set()) & MADE == wanted


def kinds(template: Path) -> set[str]:
    return {it["Type"] for it in json.loads(template.read_text())["Resources"].values()}


@pytest.mark.parametrize("kafka", KAFKAS)
def test_cfn_lint_finds_nothing_whatever_kafka_there_is(kafka: str, both: Stacks) -> None:
    """In either stack."""
    for template in both("dev", settings("existing-vpc", "existing-mysql", kafka)).values():
        assert findings(template) == []


def findings(template: Template) -> list[str]:
    found = lint(json.dumps(template.body), config=ManualArgs(ignore_checks=CDK_S_OWN, regions=["eu-west-1"]))
    return [str(finding) for finding in found]
