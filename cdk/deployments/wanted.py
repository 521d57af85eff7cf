"""Synthesizes what a stage's settings would deploy."""

import json
import tempfile
from pathlib import Path

from cdk.assembly import stage_app
from cdk.deployments.templates import Body, Stacks
from cdk.settings.context import own_context
from cdk.settings.stage import StageSettings

_NONE: Body = {}


def wanted_stacks(stage: StageSettings, **context: object) -> Stacks:
    """The templates for the stage's current settings, without the third-party layers, which take long to build."""
    with tempfile.TemporaryDirectory() as out:
        app = stage_app({**own_context(), "stage": stage.name, "aws:cdk:bundling-stacks": [], **context}, out=Path(out))
        made = {it.stack_name: json.loads(Path(it.template_full_path).read_text()) for it in app.synth().stacks}
    words = {word: made.get(f"{stage.full_name}-{word}", _NONE) for word in ("data", "delivery")}
    return Stacks(data=words["data"], delivery=words["delivery"])
