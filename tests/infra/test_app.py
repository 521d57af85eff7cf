"""`python app.py`, as a person, the CDK command line and the local stack run it."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cdk.context import own_context
from cdk.reading import merged
from local.processes import CannotStartError
from local.synth import synthesize
from tests.infra.assets import Assets
from tests.infra.running import run_app
from tests.infra.templates import FUNCTIONS


def by_the_command_line(out: Path, over: Mapping[str, Any]) -> dict[str, str]:
    """What the command line sets in the app's environment."""
    context = merged(own_context(), {"aws:cdk:bundling-stacks": [], **over})
    return {"CDK_CONTEXT_JSON": json.dumps(context), "CDK_OUTDIR": str(out)}


def test_it_needs_neither_the_command_line_nor_an_account_nor_node(deployed: Assets) -> None:
    """No credentials, no PATH, another working directory: all is there, with the paths that SAM builds on."""
    functions = [it for it in deployed.template.body["Resources"].values() if it["Type"] == "AWS::Lambda::Function"]
    assert len(functions) == len(FUNCTIONS)
    for function in functions:
        assert (deployed.out / function["Metadata"]["aws:asset:path"] / "handler.py").is_file()
        assert "aws:cdk:path" in function["Metadata"]


def test_the_command_line_chooses_stage_and_place(tmp_path: Path) -> None:
    """What it passes is used, and cdk.json is not read again."""
    done = run_app(passed=by_the_command_line(tmp_path / "out", {"stage": "prod"}), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [file.name for file in (tmp_path / "out").glob("*.template.json")] == ["hongyan-prod-delivery.template.json"]


@pytest.mark.parametrize(
    ("over", "line"),
    [
        ({"stage": "prd"}, 'cdk.json, "stages": has no stage prd; there are: dev, local, prod'),
        ({"stages": {"dev": {"send": {"max_concurrency": 1001}}}}, "cdk.json, stage dev: send.max_concurrency: should"),
        ({"stages": "none"}, 'cdk.json, "stages": has no stage dev; there are: none'),
    ],
)
def test_a_bad_setting_is_one_line_on_stderr_and_nothing_is_written(
    over: Mapping[str, Any], line: str, tmp_path: Path
) -> None:
    """No traceback, and no template that could be deployed by mistake."""
    done = run_app(passed=by_the_command_line(tmp_path / "out", over), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    (said,) = done.stderr.splitlines()
    assert said.startswith(f"hongyan: {line}")
    assert list(tmp_path.glob("out/*.template.json")) == []


def test_a_stage_is_chosen_by_name_without_the_command_line(tmp_path: Path) -> None:
    """`python app.py prd` says what there is instead."""
    done = run_app("prd", cwd=tmp_path)
    assert done.stderr.splitlines() == ['hongyan: cdk.json, "stages": has no stage prd; there are: dev, local, prod']


def test_the_local_template_carries_what_the_local_stack_says(prepared: Path) -> None:
    """Its servers' addresses and its numbers, for this machine's Python and processor."""
    over = {"database": {"port": 13306}, "webhook_origins": ["http://127.0.0.1:9999"], "lease_seconds": 601}
    template = json.loads(synthesize(over, out=prepared, say=lambda _: None).read_text())
    functions = [it["Properties"] for it in template["Resources"].values() if it["Type"] == "AWS::Lambda::Function"]
    assert {it["Runtime"] for it in functions} == {f"python{sys.version_info.major}.{sys.version_info.minor}"}
    given = {name: value for it in functions for name, value in it["Environment"]["Variables"].items()}
    assert (given["DATABASE_PORT"], given["LEASE_SECONDS"]) == ("13306", "601")
    assert given["WEBHOOK_ORIGINS"] == "http://127.0.0.1:9999"


def test_the_local_template_is_made_again_only_when_something_changed(prepared: Path) -> None:
    """The second start of the stack must not wait for it."""
    says: list[str] = []
    template = synthesize({"lease_seconds": 601}, out=prepared, say=says.append)
    made = template.stat().st_mtime_ns
    synthesize({"lease_seconds": 601}, out=prepared, say=says.append)
    assert (template.stat().st_mtime_ns, len(says)) == (made, 1)
    synthesize({"lease_seconds": 602}, out=prepared, say=says.append)
    assert (template.stat().st_mtime_ns > made, len(says)) == (True, 2)


def test_a_bad_local_setting_is_one_line(tmp_path: Path) -> None:
    """The local stack shows it as it is."""
    with pytest.raises(CannotStartError) as caught:
        synthesize({"kafka": {"bootstrap_servers": []}}, out=tmp_path, say=lambda _: None)
    assert str(caught.value).startswith("the stacks could not be synthesized: cdk.json, stage local: kafka.bootstrap_")
    assert len(str(caught.value).splitlines()) == 1


@pytest.fixture
def prepared(here: Assets, tmp_path: Path) -> Path:
    """A place that already has the assets, as the local stack's has at its second start."""
    for asset in here.out.glob("asset.*"):
        (tmp_path / asset.name).symlink_to(asset)
    return tmp_path
