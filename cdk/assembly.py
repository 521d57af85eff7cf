"""The CDK app of one stage: context in, its stacks out."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aws_cdk import App, DefaultStackSynthesizer, Environment, Tags

from cdk.config import DEFAULT_STAGE, StageSettings, stage_settings
from cdk.delivery_stack import DeliveryStack


def stage_app(context: Mapping[str, Any] | None = None, *, out: Path | None = None) -> App:
    """The app of the stage that the context names; the CDK command line passes both by itself."""
    app = App(context=dict(context or {}), outdir=str(out) if out else None, analytics_reporting=False)
    name = app.node.try_get_context("stage") or DEFAULT_STAGE
    add_stacks(app, stage_settings(app.node.try_get_context("stages"), str(name)))
    return app


def add_stacks(app: App, stage: StageSettings) -> DeliveryStack:
    Tags.of(app).add("service", "hongyan")
    Tags.of(app).add("stage", stage.name)
    return DeliveryStack(
        app,
        f"hongyan-{stage.name}-delivery",
        stage=stage,
        env=Environment(account=stage.account, region=stage.region),
        # The command line checks the bootstrap version itself; without the rule the template needs no parameter.
        synthesizer=DefaultStackSynthesizer(generate_bootstrap_version_rule=False),
    )
