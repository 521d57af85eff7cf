"""Accounts to examine: moto in this process, with what the stage needs beforehand."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from moto import mock_aws

from cdk.doctor.account import Account
from cdk.doctor.checks import examination
from cdk.doctor.finding import Finding
from cdk.settings.context import merged, own_context
from cdk.settings.stage import StageSettings, stage_settings
from local.account import offers
from local.account.beforehand import Beforehand, make
from local.servers.aws import ACCOUNT
from tests.infra.templates import BROKERS, MSK, RDS, VPC

REGION = "eu-west-1"
#: one for all tests, since its clients take seconds to make; what it shows is another account each time
_ACCOUNT = Account(session=boto3.Session("local", "local", region_name=REGION), region=REGION)
LOGIN = {"username": "admin", "password": "secret", "certificate": "PEM", "privateKey": "PEM"}
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:operations"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0a1b2c3d-1111-2222-3333-444455556666"
#: everything is there already
EXISTING: Mapping[str, Any] = {"network": VPC, "database": RDS, "kafka": MSK, "alarms": {"topic_arn": TOPIC}}
OWN_BROKERS: Mapping[str, Any] = {**EXISTING, "kafka": {**BROKERS, "secrets_key_arn": KEY}}
NEW: Mapping[str, Any] = {"region": REGION}


def stage_of(over: Mapping[str, Any], name: str = "dev") -> StageSettings:
    return stage_settings(merged(own_context(), {"stages": {name: over}})["stages"], name)


@contextmanager
def account_of(stage: StageSettings) -> Iterator[Account]:
    """Prepared for the CDK, and with all that the stage names."""
    with mock_aws():
        offers.install()
        make(Beforehand.of(stage, account=ACCOUNT, region=REGION), secret=json.dumps(LOGIN))
        _ACCOUNT.client("ssm").put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="28", Type="String")
        yield _ACCOUNT


def examined(account: Account, stage: StageSettings) -> list[Finding]:
    return list(examination(account, stage))


def bad(findings: list[Finding]) -> list[Finding]:
    return [it for it in findings if it.verdict != "ok"]


@contextmanager
def forbidden(
    account: Account, service: str, operation: str, code: str = "AccessDeniedException", status: int = 403
) -> Iterator[None]:
    """As by a policy that does not allow the call, or with another of AWS's codes. The request is not sent."""

    def refuse(model: Any, **_: object) -> object:
        return AWSResponse("", status, HTTPHeaders(), None), {"Error": {"Code": code, "Message": model.name}}

    events, name = account.client(service).meta.events, f"before-call.{service}.{operation}"
    events.register(name, refuse)
    try:
        yield
    finally:
        events.unregister(name, refuse)
