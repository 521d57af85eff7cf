"""`python app.py` as a person, the CDK's command line and the local stack run it."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cdk.settings.context import merged, own_context
from tests.infra.app_process import run_app
from tests.infra.assets import Assets
from tests.infra.templates import WITH_TOPIC


def by_the_command_line(out: Path, over: Mapping[str, Any]) -> dict[str, str]:
    """What the command line sets in the app's environment."""
    context = merged(own_context(), {"aws:cdk:bundling-stacks": [], **over})
    return {"CDK_CONTEXT_JSON": json.dumps(context), "CDK_OUTDIR": str(out)}


def test_it_needs_neither_the_command_line_nor_an_account_nor_node(deployed: Assets) -> None:
    """No credentials, no PATH, another working directory: all is there, with the paths that SAM builds on."""
    functions = [it for it in deployed.template.body["Resources"].values() if it["Type"] == "AWS::Lambda::Function"]
    assert len(functions) == len(WITH_TOPIC)
    for function in functions:
        assert (deployed.out / function["Metadata"]["aws:asset:path"] / "handler.py").is_file()
        assert "aws:cdk:path" in function["Metadata"]


def test_it_says_how_large_the_code_is(printed: str) -> None:
    """To the person who runs it."""
    assert re.search(r"^  Third-party packages +[0-9.]+ MB$", printed, flags=re.MULTILINE)


def test_it_names_the_templates_and_leaves_no_other_stage_s(printed: str, deployed: Assets) -> None:
    """What somebody looks at in cdk.out is of the stage that was asked for last."""
    made = {file.name for file in deployed.out.glob("*.template.json")}
    assert made == {"hongyan-dev-data.template.json", "hongyan-dev-delivery.template.json"}
    assert {Path(line.strip()).name for line in printed.splitlines() if line.endswith(".json")} == made


def test_the_command_line_chooses_stage_and_place(tmp_path: Path) -> None:
    """What it passes is used, and cdk.json is not read again."""
    done = run_app(passed=by_the_command_line(tmp_path / "out", {"stage": "local"}), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    made = [file.name for file in (tmp_path / "out").glob("*.template.json")]
    assert made == ["hongyan-local-delivery.template.json"]


def test_a_bad_setting_is_one_line_on_stderr_and_nothing_is_written(tmp_path: Path) -> None:
    """No traceback, and no template that could be deployed by mistake."""
    over = {"stages": {"dev": {"send": {"max_concurrency": 1001}}}}
    done = run_app(passed=by_the_command_line(tmp_path / "out", over), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    (said,) = done.stderr.splitlines()
    assert said.startswith("hongyan: cdk.json, stage dev: send.max_concurrency: should")
    assert list(tmp_path.glob("out/*.template.json")) == []


def test_a_stage_is_chosen_by_name_without_the_command_line(tmp_path: Path) -> None:
    """`python app.py prd` says what there is instead."""
    done = run_app("prd", cwd=tmp_path)
    assert done.stderr.splitlines() == ['hongyan: cdk.json, "stages": has no stage prd; there are: dev, local, prod']
