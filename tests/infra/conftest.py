"""The stages of cdk.json as templates, with other settings where a test asks for them, and with their assets."""

import json
import os
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from cdk.settings.context import ROOT
from local.template.synth import synthesize
from tests.infra.app_process import OneRun, run_alone
from tests.infra.assets import Assets
from tests.infra.synthesis import synthesized
from tests.infra.templates import BROKERS, MYSQL, NO_VPC, Template

Synthesis = Callable[..., Template]
Stacks = Callable[..., Mapping[str, Template]]


@pytest.fixture(scope="session")
def both() -> Stacks:
    """A stage's stacks by the last part of their names, read once for each set of settings."""
    made: dict[str, Mapping[str, Template]] = {}

    def run(
        stage: str = "dev", over: Mapping[str, Any] | None = None, *, first: bool = False
    ) -> Mapping[str, Template]:
        key = json.dumps([stage, over or {}, first], sort_keys=True)
        if key not in made:
            made[key] = synthesized(stage, over, first=first)
        return made[key]

    return run


@pytest.fixture(scope="session")
def synth(both: Stacks) -> Synthesis:
    """The delivery stack of a stage."""
    return lambda stage="dev", over=None: both(stage, over)["delivery"]


@pytest.fixture(scope="session")
def beside(synth: Synthesis) -> Template:
    """dev without a VPC, with an existing MySQL and existing brokers."""
    return synth("dev", {"network": NO_VPC, "database": MYSQL, "kafka": BROKERS})


@pytest.fixture(scope="session")
def dev(synth: Synthesis) -> Template:
    return synth("dev")


@pytest.fixture(scope="session")
def prod(synth: Synthesis) -> Template:
    return synth("prod")


@pytest.fixture(scope="session")
def local(synth: Synthesis) -> Template:
    return synth("local")


@pytest.fixture(scope="session")
def stages(dev: Template, prod: Template, local: Template) -> Mapping[str, Template]:
    return {"dev": dev, "prod": prod, "local": local}


@pytest.fixture(scope="session")
def here() -> Assets:
    """The local stage, bundled for this machine; kept between runs until something changes."""
    path = synthesize({}, out=ROOT / ".local" / "cache" / "synth")
    return Assets(template=Template(body=json.loads(path.read_text())), out=path.parent)


@pytest.fixture(scope="session")
def alone(tmp_path_factory: pytest.TempPathFactory) -> OneRun:
    """`make synth` of the dev stage, with neither a network nor an account; the test processes share one run."""
    shared = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        shared = shared.parent
    return run_alone(shared / "alone")


@pytest.fixture(scope="session")
def deployed(alone: OneRun) -> Assets:
    """What would be deployed: the dev stage with its layers bundled for Lambda."""
    template = json.loads((alone.out / "hongyan-dev-delivery.template.json").read_text())
    return Assets(template=Template(body=template), out=alone.out)
