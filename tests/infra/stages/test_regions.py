"""A stage goes to any region of AWS, China and GovCloud, or is told beforehand what the region lacks."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from cdk.assembly import stage_app
from cdk.error import SettingsError
from cdk.settings.context import merged, own_context
from tests.infra.conftest import Stacks
from tests.infra.synthesis import synthesized
from tests.infra.templates import MYSQL

PARTITIONS = {"cn-north-1": "aws-cn", "us-gov-west-1": "aws-us-gov"}
#: GovCloud's RDS has no m7g
OVER: Mapping[str, Any] = {"account": "111111111111", "database": {"new": {"instance_class": "m6g.large"}}}


@pytest.mark.parametrize("region", PARTITIONS)
def test_a_stage_in_another_partition_names_no_arn_of_a_third(region: str, both: Stacks) -> None:
    """An ARN of partition aws would be refused there, or would match nothing."""
    for template in both("prod", {**OVER, "region": region}).values():
        text = json.dumps(template.body["Resources"])  # the CDK's mappings list all partitions
        assert set(re.findall(r"arn:(aws[a-z-]*):", text)) == {PARTITIONS[region]}
        assert "console.aws" not in text


@pytest.mark.parametrize(("region", "before"), [("cn-north-1", "cn.com"), ("us-gov-west-1", "com")])
def test_endpoints_have_the_names_that_they_have_there(region: str, before: str, both: Stacks) -> None:
    """As the CDK knows them: in China all but a few begin with cn."""
    data = both("prod", {**OVER, "region": region})["data"]
    services = {str(it["ServiceName"]) for it in data.all("AWS::EC2::VPCEndpoint")}
    assert {f"{before}.amazonaws.{region}.{it}" for it in ("sqs", "lambda", "sts")} <= services
    assert f"com.amazonaws.{region}.secretsmanager" in services


def test_a_class_that_a_region_lacks_is_refused_with_those_that_it_has() -> None:
    """The CDK knows them where the stage names its region."""
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        synthesized("prod", {"region": "us-gov-west-1", "account": "111111111111"})


@pytest.mark.parametrize(
    ("region", "over", "line"),
    [
        ("cn-north-1", {}, 'region: is missing; say "cn-north-1", because endpoints have other names in China'),
        ("eu-central-2", {}, "database.new.rotation_days: should be 0 in eu-central-2, is 30; AWS's function"),
        (
            "eu-west-1",
            {"database": {**MYSQL, "endpoint": "mysql.abc.ap-east-2.rds.amazonaws.com"}},
            "database.ca_file: /opt/rds-ca.pem lacks RDS's authorities of ap-east-2; put AWS's bundle of that region",
        ),
        (
            "ap-southeast-6",
            {"database": {"new": {"rotation_days": 0}}},
            "database.ca_file: /opt/rds-ca.pem lacks RDS's authorities of ap-southeast-6; put AWS's bundle of that",
        ),
    ],
)
def test_where_the_caller_s_credentials_point_counts_too(
    region: str, over: Mapping[str, Any], line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stage without a region goes there, as the CDK's command line says."""
    monkeypatch.setenv("CDK_DEFAULT_REGION", region)
    context = merged(own_context(), {"stage": "dev", "stages": {"dev": over}})
    with pytest.raises(SettingsError) as caught:
        stage_app(context)
    assert str(caught.value).startswith(f"cdk.json, stage dev: {line}")


def test_a_bundle_of_one_s_own_is_believed(both: Stacks) -> None:
    """The way out of a region whose authorities the functions do not carry."""
    database = {"new": {"rotation_days": 0}, "ca_file": "/opt/ap-east-2.pem"}
    assert both("dev", {"region": "ap-east-2", "database": database})["data"].all("AWS::RDS::DBInstance")


def test_rds_s_own_name_tells_the_region_in_china_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it stands before the domain, not before `rds`."""
    monkeypatch.setattr("cdk.settings.sections.regions.known_regions", lambda: frozenset({"eu-west-1"}))
    endpoint = "mysql.abc.rds.cn-north-1.amazonaws.com.cn"
    context = merged(own_context(), {"stage": "dev", "stages": {"dev": {"database": {**MYSQL, "endpoint": endpoint}}}})
    with pytest.raises(SettingsError, match="lacks RDS's authorities of cn-north-1; put"):
        stage_app(context)
