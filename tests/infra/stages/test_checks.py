"""The templates keep published rules: cdk-nag's AwsSolutions and cfn-lint.

cdk-nag checks every stage that the tests synthesize (tests/infra/synthesis.py). cfn-lint takes seconds a template, so
it gets the stages of cdk.json and those combinations of settings that add types of resources.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_sqs as sqs
from cfnlint.api import ManualArgs, lint  # type: ignore[import-untyped]

from tests.infra.conftest import Stacks
from tests.infra.delivery.test_api import OUTSIDE, SECRET, WHOLE
from tests.infra.stages.test_own_things import OWN, RESTORED
from tests.infra.synthesis import checked
from tests.infra.templates import MSK, MYSQL, RDS, TLS_BROKERS, VPC, Template

#: W3005, a dependency that a reference already makes: the CDK writes both. W6001, an output that only imports: it keeps
#: the data stack from removing an endpoint that functions use without naming it
_MEANT = ["W3005", "W6001"]
_MAIL: Mapping[str, Any] = {"email": "operations@example.com"}
_SERVERLESS: Mapping[str, Any] = {"new": {"kind": "serverless", "brokers": None}}
LINTED = [
    pytest.param("dev", {}, id="dev"),
    pytest.param("prod", {}, id="prod"),
    pytest.param("local", {}, id="local"),
    pytest.param("prod", {"kafka": _SERVERLESS, "alarms": _MAIL}, id="serverless and mail"),
    pytest.param("dev", {"network": VPC, "database": RDS, "kafka": TLS_BROKERS}, id="existing RDS and brokers"),
    pytest.param("prod", {"network": VPC, "database": MYSQL, "kafka": MSK}, id="existing MySQL and MSK"),
    pytest.param("prod", OWN, id="a team's own things"),
    pytest.param("dev", {"api": {"tokens": {"new_user_pool": True}}}, id="an API with a new user pool"),
    pytest.param("dev", {**OUTSIDE, "api": WHOLE}, id="an API with a domain and snapshots"),
    pytest.param("dev", {**OUTSIDE, "api": {"tokens": {"hs256_secret_arn": SECRET}}}, id="an API with own tokens"),
    pytest.param("prod", RESTORED, id="a restored MySQL, and places in an existing VPC"),
]


def test_cdk_nag_would_find_something(tmp_path: Path) -> None:
    """The check that every synthesis goes through fails for a queue without dead letters and TLS."""
    app = App(outdir=str(tmp_path))
    sqs.Queue(Stack(app, "Careless"), "Queue")
    with pytest.raises(RuntimeError, match="AwsSolutions-SQS"):
        checked(app)


@pytest.mark.parametrize(("stage", "over"), LINTED)
def test_cfn_lint_finds_nothing(stage: str, over: Mapping[str, Any], both: Stacks) -> None:
    """Names, types and values are those of CloudFormation's own schemas."""
    for template in both(stage, over).values():
        assert findings(template) == {}


def test_cfn_lint_would_find_something(local: Template) -> None:
    """The same check fails for a property that CloudFormation does not know."""
    body = json.loads(json.dumps(local.body).replace('"VisibilityTimeout"', '"VisibilityTimeOut"'))
    assert "E3002" in findings(Template(body=body))


def findings(template: Template) -> dict[str, str]:
    arguments = ManualArgs(ignore_checks=_MEANT, regions=["eu-west-1"])
    return {it.rule.id: str(it) for it in lint(json.dumps(template.body), config=arguments)}
