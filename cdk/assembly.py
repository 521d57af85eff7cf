"""The CDK app of one stage: which stacks it has, and what all of them share."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aws_cdk import App, DefaultStackSynthesizer, Environment, Tags

from cdk.build.rounds import keep
from cdk.data.stack import DataStack, Made
from cdk.delivery.stack import DeliveryStack
from cdk.settings.stage import DEFAULT_STAGE, StageSettings, stage_settings

#: of the context: a file with what the data stack keeps for one more deployment
KEPT = "kept"
#: the CDK would tag this type, but CloudFormation's schema gives it no tags
_WITHOUT_TAGS = ["AWS::RDS::DBProxyTargetGroup"]


def stage_app(context: Mapping[str, Any] | None = None, *, out: Path | None = None) -> App:
    """The app of the stage that the context names. The CDK's command line supplies context and output directory."""
    app = App(context=dict(context or {}), outdir=str(out) if out else None, analytics_reporting=False)
    name = app.node.try_get_context("stage") or DEFAULT_STAGE
    stage = stage_settings(app.node.try_get_context("stages"), str(name))
    data = add_stacks(app, stage)
    if data and (path := app.node.try_get_context(KEPT)):
        keep(data, json.loads(Path(path).read_text()))
    return app


def add_stacks(app: App, stage: StageSettings) -> DataStack | None:
    """Adds the data stack, if the stage makes anything for it, and the delivery stack, which depends on it."""
    for key, value in {"service": "hongyan", "stage": stage.name}.items():
        Tags.of(app).add(key, value, exclude_resource_types=_WITHOUT_TAGS)
    data = DataStack(app, f"hongyan-{stage.name}-data", stage=stage, **_common(stage)) if stage.has_data_stack else None
    delivery = DeliveryStack(
        app,
        f"hongyan-{stage.name}-delivery",
        stage=stage,
        made=data.made if data else Made(),
        **_common(stage),
    )
    if data:
        delivery.add_stack_dependency(data)
    return data


def _common(stage: StageSettings) -> dict[str, Any]:
    return {
        "env": Environment(account=stage.account, region=stage.region),
        # The command line checks the bootstrap version itself; without the rule the template needs no parameter.
        "synthesizer": DefaultStackSynthesizer(generate_bootstrap_version_rule=False),
    }
