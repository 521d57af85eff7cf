"""Reads what is deployed of a stage, and what would be."""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from cdk.assembly import stage_app
from cdk.build.templates import Body, Stacks
from cdk.error import SettingsError
from cdk.settings.context import own_context
from cdk.settings.stage import StageSettings

_NONE: Body = {}
#: how the status begins of a stack whose creation failed, or that goes: nothing of it serves
_NEVER_STOOD = ("REVIEW_", "CREATE_FAILED", "ROLLBACK_", "DELETE_")


def deployed_stacks(stage: StageSettings, *, profile: str | None = None) -> Stacks:
    """The templates that CloudFormation has of the two stacks, where the CDK's command line would look for them."""
    region = stage.region or os.environ.get("AWS_REGION")  # the CDK reads it, boto3 does not
    try:
        cloudformation = boto3.Session(profile_name=profile).client("cloudformation", region_name=region)
        data, delivery = (_template(cloudformation, f"{stage.full_name}-{word}") for word in ("data", "delivery"))
    except BotoCoreError as error:
        raise SettingsError(f"what is deployed cannot be read: {error}") from error
    return Stacks(data=data, delivery=delivery)


def _template(cloudformation: Any, stack: str) -> Body:  # noqa: ANN401  # a boto3 client
    try:
        (found,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
        if found["StackStatus"].startswith(_NEVER_STOOD):
            return _NONE
        body = cloudformation.get_template(StackName=stack)["TemplateBody"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":  # there is none
            return _NONE
        raise SettingsError(f"what is deployed cannot be read: {error}") from error
    template: Body = body if isinstance(body, Mapping) else json.loads(body)
    return template


def wanted_stacks(stage: StageSettings, **context: object) -> Stacks:
    """The templates that the stage's settings make now, without the third-party layers, which take long."""
    with tempfile.TemporaryDirectory() as out:
        app = stage_app({**own_context(), "stage": stage.name, "aws:cdk:bundling-stacks": [], **context}, out=Path(out))
        made = {it.stack_name: json.loads(Path(it.template_full_path).read_text()) for it in app.synth().stacks}
    words = {word: made.get(f"{stage.full_name}-{word}", _NONE) for word in ("data", "delivery")}
    return Stacks(data=words["data"], delivery=words["delivery"])
