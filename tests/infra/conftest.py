"""Each stage of cdk.json synthesized once for all tests, and once more with what other deployments may look like."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from cdk.settings.context import PASSED_OUTDIR, ROOT
from local.template.synth import synthesize
from tests.infra.assets import Assets
from tests.infra.running import run_app
from tests.infra.templates import BROKERS, MYSQL, NO_VPC, VPC, Template, synthesized

Synthesis = Callable[..., Template]
Stacks = Callable[..., Mapping[str, Template]]


@pytest.fixture(scope="session")
def both(tmp_path_factory: pytest.TempPathFactory) -> Stacks:
    """A stage's stacks by their last word, made once for each set of settings."""
    made: dict[str, Mapping[str, Template]] = {}

    def run(stage: str = "dev", over: Mapping[str, Any] | None = None) -> Mapping[str, Template]:
        key = json.dumps([stage, over or {}], sort_keys=True)
        if key not in made:
            made[key] = synthesized(stage, over, out=tmp_path_factory.mktemp("cdk.out"))
        return made[key]

    return run


@pytest.fixture(scope="session")
def synth(both: Stacks) -> Synthesis:
    """The stack that delivers."""
    return lambda stage="dev", over=None: both(stage, over)["delivery"]


@pytest.fixture(scope="session")
def beside(synth: Synthesis) -> Template:
    """dev outside of any VPC, beside a MySQL and brokers that exist."""
    return synth("dev", {"network": NO_VPC, "database": MYSQL, "kafka": BROKERS})


@pytest.fixture(scope="session")
def placed(synth: Synthesis) -> Template:
    """prod in a VPC that exists, beside a MySQL that exists."""
    return synth("prod", {"network": VPC, "database": MYSQL})


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
    """The local stage, really bundled for this machine; kept between runs, and made again when something changed."""
    path = synthesize({}, out=ROOT / ".local" / "cache" / "synth")
    return Assets(template=Template(body=json.loads(path.read_text())), out=path.parent)


@pytest.fixture(scope="session")
def synthesized_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Instead of cdk.out, which is emptied first; in it stands what another stage left."""
    out = tmp_path_factory.mktemp("synth") / "cdk.out"
    out.mkdir()
    (out / "hongyan-prod-delivery.template.json").write_text("{}")
    return out


@pytest.fixture(scope="session")
def printed(synthesized_out: Path) -> str:
    """What `make synth` says."""
    done = run_app(passed={PASSED_OUTDIR: str(synthesized_out)}, cwd=synthesized_out.parent)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def deployed(printed: str, synthesized_out: Path) -> Assets:
    """What would be deployed: the dev stage as `make synth` leaves it, really bundled for Lambda."""
    assert printed
    template = json.loads((synthesized_out / "hongyan-dev-delivery.template.json").read_text())
    return Assets(template=Template(body=template), out=synthesized_out)
