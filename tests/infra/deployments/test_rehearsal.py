"""`make rehearse` ends with a reason when a template fails, and refuses what is not for AWS."""

import json
from pathlib import Path
from typing import Any

import pytest
from moto.cloudformation.parsing import get_model_map

from cdk.error import SettingsError
from cdk.settings.context import ROOT, merged, own_context
from local.account.gaps import LACKED, MADE, OF_OTHER_STAGES, kind_of
from local.machine.processes import CannotStartError
from local.rehearse import run
from local.rehearse.deployment import synthesize
from tests.infra.conftest import Stacks
from tests.infra.doctor.accounts import EXISTING
from tests.infra.stages.test_combinations import DATABASES, KAFKAS, NETWORKS, combinations

NOBODY_MAKES = "AWS::Nobody::Knows"


def broken(*arguments: Any, out: Path, log: Path) -> Any:
    """The templates, with a resource that cannot be made."""
    sizes = synthesize(*arguments, out=out, log=log)
    (template,) = out.glob("*-delivery.template.json")
    body = json.loads(template.read_text())
    body["Resources"]["Broken"] = {"Type": NOBODY_MAKES, "Properties": {}}
    template.write_text(json.dumps(body))
    return sizes


def test_a_template_that_fails_ends_the_rehearsal_with_the_resource_and_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On AWS it would have failed like this after half an hour."""
    (tmp_path / "cache").symlink_to(ROOT / ".local" / "cache")
    stages = merged(own_context(), {"stages": {"dev": EXISTING}})
    monkeypatch.setattr(run, "own_context", lambda: stages)
    monkeypatch.setattr(run, "synthesize", broken)
    monkeypatch.setenv("DATABASE_URL", "mysql+pymysql://nobody@127.0.0.1:1/never")  # a rehearsal has its own
    said: list[str] = []
    with pytest.raises(CannotStartError) as failed:
        run.rehearse("dev", home=tmp_path, once=True, say=said.append)
    (first, reason) = str(failed.value).splitlines()[:2]
    assert first.startswith("the deployment failed (all of it is in ")
    assert reason.startswith(f"hongyan-dev-delivery: {NOBODY_MAKES} Broken: ")
    assert f"Nobody makes {NOBODY_MAKES} here" in reason
    assert any("bootstrapped" in line for line in said)


def test_the_local_stage_and_an_unknown_one_are_refused(tmp_path: Path) -> None:
    """In a line, before anything is started."""
    for name, words in (("local", "`make up` runs on this machine"), ("prd", "has no stage prd")):
        with pytest.raises(SettingsError, match=words):
            run.rehearse(name, home=tmp_path, once=True, say=pytest.fail)


def test_every_resource_of_every_combination_can_be_made_in_the_account(both: Stacks) -> None:
    """moto makes it, a model does, or it is recorded with a reason: no rehearsal fails because a model is missing."""
    known = {*get_model_map(), *MADE, *LACKED, *OF_OTHER_STAGES}
    over: list[Any] = [{"alarms": {"email": "ops@example.com"}}]
    for network, database, kafka in combinations():
        chosen = {"network": NETWORKS[network], "database": DATABASES[database], "kafka": KAFKAS[kafka]}
        over.append({name: settings for name, (settings, _) in chosen.items()})
    found = {
        kind_of(it)
        for stage, settings in [("prod", {}), *(("dev", it) for it in over)]
        for template in both(stage, settings).values()
        for it in template.body["Resources"].values()
    }
    assert found - known == set()
    assert {*OF_OTHER_STAGES} <= found
