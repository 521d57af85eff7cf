"""What others know about good templates: cdk-nag's AwsSolutions rules and cfn-lint, on every stage."""

import json
from pathlib import Path

import pytest
from aws_cdk import App, Stack, Validations
from aws_cdk import aws_sqs as sqs
from cdk_nag import AwsSolutionsChecks
from cfnlint.api import ManualArgs, lint  # type: ignore[import-untyped]

from cdk.assembly import stage_app
from cdk.settings.context import own_context
from tests.infra.conftest import Stacks
from tests.infra.templates import Template

STAGES = ("dev", "prod", "local")
#: a dependency that a reference already makes: the CDK writes both
CDK_S_OWN = ["W3005"]


@pytest.mark.parametrize("stage", STAGES)
def test_cdk_nag_finds_nothing_that_has_no_reason(stage: str, tmp_path: Path) -> None:
    """AwsSolutions, clean; what is accepted says why where it is made."""
    app = stage_app({**own_context(), "stage": stage, "aws:cdk:bundling-stacks": []}, out=tmp_path)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    app.synth()  # raises when there are findings


def test_cdk_nag_would_find_something(tmp_path: Path) -> None:
    """The same check fails for a queue without dead letters and TLS: it really runs."""
    app = App(outdir=str(tmp_path))
    sqs.Queue(Stack(app, "Careless"), "Queue")
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    with pytest.raises(RuntimeError, match="AwsSolutions-SQS"):
        app.synth()


@pytest.mark.parametrize("stage", STAGES)
def test_cfn_lint_finds_nothing(stage: str, both: Stacks) -> None:
    """Names, types and values as CloudFormation's own schemas have them."""
    for template in both(stage).values():
        findings = lint(json.dumps(template.body), config=ManualArgs(ignore_checks=CDK_S_OWN, regions=["eu-west-1"]))
        assert [str(finding) for finding in findings] == []


def test_cfn_lint_would_find_something(dev: Template) -> None:
    """The same check fails for a property that CloudFormation does not know."""
    body = json.dumps(dev.body).replace('"VisibilityTimeout"', '"VisibilityTimeOut"')
    findings = lint(body, config=ManualArgs(ignore_checks=CDK_S_OWN, regions=["eu-west-1"]))
    assert "E3002" in {finding.rule.id for finding in findings}
