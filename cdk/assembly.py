"""The CDK app of one stage: which stacks it has, and what all of them share."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aws_cdk import App, DefaultStackSynthesizer, Environment, Tags
from aws_cdk import aws_iam as iam

from cdk.data.stack import DataStack, Made
from cdk.delivery.stack import DeliveryStack
from cdk.settings.rules import OUR_NAME
from cdk.settings.stage import DEFAULT_STAGE, StageSettings, stage_settings


def stage_app(context: Mapping[str, Any] | None = None, *, out: Path | None = None) -> App:
    """The app of the stage that the context names. The CDK's command line supplies context and output directory."""
    app = App(context=dict(context or {}), outdir=str(out) if out else None, analytics_reporting=False)
    name = app.node.try_get_context("stage") or DEFAULT_STAGE
    add_stacks(app, stage_settings(app.node.try_get_context("stages"), str(name)))
    return app


def add_stacks(app: App, stage: StageSettings) -> None:
    """Adds the data stack, if the stage makes anything for it, and the delivery stack, which depends on it."""
    _mark(app, stage)
    data = DataStack(app, f"{stage.full_name}-data", stage=stage, **_common(stage)) if stage.has_data_stack else None
    delivery = DeliveryStack(
        app,
        f"{stage.full_name}-delivery",
        stage=stage,
        made=data.made if data else Made(),
        **_common(stage),
    )
    if data:
        delivery.add_stack_dependency(data)


def _mark(app: App, stage: StageSettings) -> None:
    """What a team asks of everything that is made in its account: tags, and a boundary of every role."""
    for key, value in _tags(stage).items():
        Tags.of(app).add(key, value)
    if arn := stage.permissions_boundary_arn:
        boundary = iam.ManagedPolicy.from_managed_policy_arn(app, "PermissionsBoundary", arn)
        iam.PermissionsBoundary.of(app).apply(boundary)


def _tags(stage: StageSettings) -> dict[str, str]:
    return {**stage.tags, "service": OUR_NAME, "stage": stage.name}


def _common(stage: StageSettings) -> dict[str, Any]:
    return {
        "tags": _tags(stage),  # CloudFormation gives a stack's tags to what the CDK does not tag: functions of its own
        "env": Environment(account=stage.account, region=stage.region),
        # The command line checks the bootstrap version itself; without the rule the template needs no parameter.
        "synthesizer": DefaultStackSynthesizer(generate_bootstrap_version_rule=False),
    }
