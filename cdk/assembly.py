"""The CDK app of one stage: which stacks it has, and what all of them share."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aws_cdk import App, DefaultStackSynthesizer, Environment, Tags

from cdk.data.stack import DataStack, Made
from cdk.delivery.stack import DeliveryStack
from cdk.settings.context import FIRST_DEPLOYMENT, is_first_deployment
from cdk.settings.stage import DEFAULT_STAGE, StageSettings, stage_settings
from cdk.stack_names import data_stack_name, delivery_stack_name

#: the CDK would tag this type, but CloudFormation's schema gives it no tags
_WITHOUT_TAGS = ["AWS::RDS::DBProxyTargetGroup"]


def stage_app(context: Mapping[str, Any] | None = None, *, out: Path | None = None) -> App:
    """The app of the stage that the context names. The CDK's command line supplies context and output directory."""
    app = App(context=dict(context or {}), outdir=str(out) if out else None, analytics_reporting=False)
    name = app.node.try_get_context("stage") or DEFAULT_STAGE
    stage = stage_settings(app.node.try_get_context("stages"), str(name))
    add_stacks(app, stage, first=is_first_deployment(app.node.try_get_context(FIRST_DEPLOYMENT)))
    return app


def add_stacks(app: App, stage: StageSettings, *, first: bool) -> None:
    """Adds the data stack, if the stage makes anything for it, and the delivery stack, which depends on it."""
    for key, value in {"service": "hongyan", "stage": stage.name}.items():
        Tags.of(app).add(key, value, exclude_resource_types=_WITHOUT_TAGS)
    data = None
    if stage.has_data_stack:
        data = DataStack(app, data_stack_name(stage.name), stage=stage, first=first, **_common(stage))
    delivery = DeliveryStack(
        app,
        delivery_stack_name(stage.name),
        stage=stage,
        made=data.made if data else Made(),
        **_common(stage),
    )
    if data:
        delivery.add_stack_dependency(data)


def _common(stage: StageSettings) -> dict[str, Any]:
    return {
        "env": Environment(account=stage.account, region=stage.region),
        # The command line checks the bootstrap version itself; without the rule the template needs no parameter.
        "synthesizer": DefaultStackSynthesizer(generate_bootstrap_version_rule=False),
    }
