"""Each stage of cdk.json synthesized once for all tests, and once more with what other deployments may look like."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.infra.templates import Template, synthesized

Synthesis = Callable[..., Template]


@pytest.fixture(scope="session")
def synth(tmp_path_factory: pytest.TempPathFactory) -> Synthesis:
    def run(stage: str = "dev", over: Mapping[str, Any] | None = None) -> Template:
        return synthesized(stage, over, out=tmp_path_factory.mktemp("cdk.out"))

    return run


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
