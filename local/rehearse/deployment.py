"""Synthesizes a stage and deploys it with the CDK's own command line, as `make deploy` would."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import TimeoutExpired

from cdk.settings.context import PASSED_CONTEXT, PASSED_OUTDIR, ROOT, own_context
from local.machine.processes import CannotStartError, run_to_end, running
from local.rehearse.stacks import Stacks

#: The default method uses change sets, which always succeed in moto.
_UNATTENDED = ("--method", "direct", "--require-approval", "never")
_ASK_SECONDS = 1.0
_WORTH_TELLING = ("❌", "‣", "hongyan:", "Error", "fail:")


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandLine:
    """`python -m cdk.deployments.command_line` on one assembly, with a log of everything that it says."""

    stage: str
    assembly: Path
    environment: Mapping[str, str]
    logs: Path

    def run(self, verb: str, *options: str, meanwhile: Callable[[], None] = lambda: None) -> str:
        """Returns the lines that say why it failed; empty if it succeeded."""
        command = [sys.executable, "-m", "cdk.deployments.command_line", verb, "--stage", self.stage]
        log, passed = self.logs / f"{verb}.log", ["--", *options, "--app", str(self.assembly)]
        with running([*command, *passed], name=f"cdk {verb}", log=log, cwd=ROOT, env=self.environment) as process:
            while process.alive():
                meanwhile()
                _wait(process.popen.wait)
            meanwhile()
        return "\n".join(_worth_telling(log)) if process.popen.returncode else ""

    def deploy(self, *, meanwhile: Callable[[], None]) -> str:
        return self.run("deploy", *_UNATTENDED, meanwhile=meanwhile)


def synthesize(stage: str, stages: object, *, out: Path, log: Path) -> Mapping[str, int]:
    """Returns each stack's number of resources. The layers of third-party packages stay empty: nothing runs them."""
    context = {**own_context(), "stage": stage, "stages": stages, "aws:cdk:bundling-stacks": []}
    env = {PASSED_CONTEXT: json.dumps(context), PASSED_OUTDIR: str(out)}
    run_to_end([sys.executable, "app.py"], name="CDK app", log=log, cwd=ROOT, env=env)
    return {it.name.partition(".")[0]: len(json.loads(it.read_text())["Resources"]) for it in _templates(out)}


def _templates(out: Path) -> list[Path]:
    """The templates in the order of their deployment."""
    return sorted(out.glob("*.template.json"))


def deploy(command_line: CommandLine, stacks: Stacks, *, say: Callable[[str], None]) -> None:
    def tell() -> None:
        for line in stacks.progress():
            say(line)

    if failure := command_line.deploy(meanwhile=tell):
        reasons = "\n".join(stacks.failures()) or failure
        raise CannotStartError(f"the deployment failed (all of it is in {command_line.logs}):\n{reasons}")


def _worth_telling(log: Path) -> Iterator[str]:
    lines = log.read_text(errors="replace").splitlines()
    yield from [line for line in lines if line.strip().startswith(_WORTH_TELLING)] or lines[-12:]


def _wait(wait: Callable[[float], int]) -> None:
    with suppress(TimeoutExpired):
        wait(_ASK_SECONDS)
