"""The CDK app of one stage: which stacks it has, and what all of them share."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aws_cdk import App, DefaultStackSynthesizer, Environment, Tags
from aws_cdk import aws_iam as iam

from cdk.data.stack import DataStack, Made
from cdk.delivery.stack import DeliveryStack
from cdk.error import SettingsError
from cdk.kept import keep
from cdk.settings.context import FIRST_DEPLOYMENT, is_first_deployment
from cdk.settings.rules import OUR_NAME
from cdk.settings.sections.regions import lacking
from cdk.settings.stage import DEFAULT_STAGE, StageSettings, stage_settings

#: The CDK's command line sets this variable.
_REGION_OF_THE_CALLER = "CDK_DEFAULT_REGION"
#: The context's key for a file with what the data stack keeps for one more deployment.
KEPT = "kept"


def stage_app(context: Mapping[str, Any] | None = None, *, out: Path | None = None) -> App:
    """The app of the stage that the context names. The CDK's command line supplies the context and output directory."""
    app = App(context=dict(context or {}), outdir=str(out) if out else None, analytics_reporting=False)
    name = app.node.try_get_context("stage") or DEFAULT_STAGE
    stage = stage_settings(app.node.try_get_context("stages"), str(name))
    _refuse_region(stage, os.environ.get(_REGION_OF_THE_CALLER))
    data = add_stacks(app, stage, first=is_first_deployment(app.node.try_get_context(FIRST_DEPLOYMENT)))
    if data and (path := app.node.try_get_context(KEPT)):
        keep(data, json.loads(Path(path).read_text()))
    return app


def add_stacks(app: App, stage: StageSettings, *, first: bool) -> DataStack | None:
    """Adds the data stack, if it has any resources, and the delivery stack, which depends on it."""
    _mark(app, stage)
    data = None
    if stage.has_data_stack:
        data = DataStack(app, f"{stage.full_name}-data", stage=stage, first=first, **_common(stage))
    delivery = DeliveryStack(
        app,
        f"{stage.full_name}-delivery",
        stage=stage,
        made=data.made if data else Made(),
        **_common(stage),
    )
    if data:
        delivery.add_stack_dependency(data)
    return data


def _refuse_region(stage: StageSettings, of_the_caller: str | None) -> None:
    """Refuses settings that contradict the region of the caller's credentials."""
    lines = [] if stage.region or stage.is_local else [*lacking(stage.database, of_the_caller)]
    if not stage.region and str(of_the_caller).startswith("cn-"):
        lines.append(f'region: is missing; say "{of_the_caller}", because endpoints have other names in China')
    if lines:
        raise SettingsError(*(f"cdk.json, stage {stage.name}: {line}" for line in lines))


def _mark(app: App, stage: StageSettings) -> None:
    """Puts the team's tags on every resource and its permissions boundary on every role."""
    for key, value in _tags(stage).items():
        Tags.of(app).add(key, value)
    if arn := stage.permissions_boundary_arn:
        boundary = iam.ManagedPolicy.from_managed_policy_arn(app, "PermissionsBoundary", arn)
        iam.PermissionsBoundary.of(app).apply(boundary)


def _tags(stage: StageSettings) -> dict[str, str]:
    return {**stage.tags, "service": OUR_NAME, "stage": stage.name}


def _common(stage: StageSettings) -> dict[str, Any]:
    return {
        "tags": _tags(stage),  # CloudFormation thus tags the CDK's own functions, which the CDK does not tag
        "env": Environment(account=stage.account, region=stage.region),
        # The command line checks the bootstrap version itself. Without the rule the template needs no parameter.
        "synthesizer": DefaultStackSynthesizer(generate_bootstrap_version_rule=False),
    }
