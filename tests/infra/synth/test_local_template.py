"""The local stage's template: the deployed one with this machine's facts, made once and then kept."""

import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from local.machine.processes import CannotStartError
from local.template.synth import synthesize
from tests.infra.assets import Assets

OVER: Mapping[str, Any] = {
    "database": {"port": 13306},
    "webhook_origins": ["http://127.0.0.1:9999"],
    "lease_seconds": 601,
}


@pytest.fixture(scope="module")
def template(here: Assets) -> Path:
    """Made where the assets already are, as at the second start of the local stack; kept until something changes."""
    out = here.out.with_name("synth-with-more")
    out.mkdir(exist_ok=True)
    for asset in here.out.glob("asset.*"):
        if not (out / asset.name).exists():
            (out / asset.name).symlink_to(asset)
    return synthesize(OVER, out=out, say=lambda _: None)


def test_it_carries_what_the_local_stack_says(template: Path) -> None:
    """Its servers' addresses and its numbers, for this machine's Python and processor."""
    resources = json.loads(template.read_text())["Resources"].values()
    functions = [it["Properties"] for it in resources if it["Type"] == "AWS::Lambda::Function"]
    assert {it["Runtime"] for it in functions} == {f"python{sys.version_info.major}.{sys.version_info.minor}"}
    given = {name: value for it in functions for name, value in it["Environment"]["Variables"].items()}
    assert (given["DATABASE_PORT"], given["LEASE_SECONDS"]) == ("13306", "601")
    assert given["WEBHOOK_ORIGINS"] == "http://127.0.0.1:9999"


def test_it_is_not_made_again_when_nothing_changed(template: Path) -> None:
    """The second start of the stack does not wait for it."""
    made, says = template.stat().st_mtime_ns, list[str]()
    assert synthesize(OVER, out=template.parent, say=says.append) == template
    assert (template.stat().st_mtime_ns, says) == (made, [])


def test_a_changed_setting_is_noticed_and_a_bad_one_is_one_line(template: Path, tmp_path: Path) -> None:
    """The local stack shows the line as it is; the previous template is not taken for the new one."""
    out = shutil.copytree(template.parent, tmp_path / "out", symlinks=True)
    bad = {**OVER, "kafka": {"bootstrap_servers": []}}
    for _ in range(2):
        with pytest.raises(CannotStartError) as caught:
            synthesize(bad, out=out, say=lambda _: None)
        line = "the stacks could not be synthesized: cdk.json, stage local: kafka.bootstrap_servers: should be a list"
        assert str(caught.value).startswith(line)
        assert len(str(caught.value).splitlines()) == 1
