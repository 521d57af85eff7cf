"""Reads what is deployed of a stage, and what would be."""

import json
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


def deployed_stacks(stage: StageSettings) -> Stacks:
    """The templates that CloudFormation has of the two stacks."""
    try:
        cloudformation = boto3.client("cloudformation", region_name=stage.region)
        data, delivery = (_template(cloudformation, f"hongyan-{stage.name}-{word}") for word in ("data", "delivery"))
    except BotoCoreError as error:
        raise SettingsError(f"what is deployed cannot be read: {error}") from error
    return Stacks(data=data, delivery=delivery)


def _template(cloudformation: Any, stack: str) -> Body:  # noqa: ANN401  # a boto3 client
    try:
        body = cloudformation.get_template(StackName=stack)["TemplateBody"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":  # there is none
            return _NONE
        raise SettingsError(f"what is deployed cannot be read: {error}") from error
    found: Body = body if isinstance(body, Mapping) else json.loads(body)
    return found


def wanted_stacks(stage: StageSettings, **context: object) -> Stacks:
    """The templates that the stage's settings make now, without the third-party layers, which take long."""
    with tempfile.TemporaryDirectory() as out:
        app = stage_app({**own_context(), "stage": stage.name, "aws:cdk:bundling-stacks": [], **context}, out=Path(out))
        made = {it.stack_name: json.loads(Path(it.template_full_path).read_text()) for it in app.synth().stacks}
    words = {word: made.get(f"hongyan-{stage.name}-{word}", _NONE) for word in ("data", "delivery")}
    return Stacks(data=words["data"], delivery=words["delivery"])
