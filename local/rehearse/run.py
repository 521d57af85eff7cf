"""The command: an account, the stage's stacks in it, and then what there is to look at, until Ctrl-C."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cdk.error import SettingsError
from cdk.settings.context import own_context
from cdk.settings.stage import LOCAL, StageSettings, stage_settings
from local.machine.file_lock import hold_lock
from local.machine.interrupts import Interrupted, uninterrupted_end, wait_for_interrupt
from local.machine.processes import CannotStartError
from local.rehearse.account import RehearsalAccount, rehearsal_account
from local.rehearse.deployment import CommandLine, deploy, synthesize
from local.rehearse.stacks import Stack, Stacks

Say = Callable[[str], None]
_ASSEMBLY = "cdk.out"
#: outputs that the CDK makes for its own references
_OF_THE_CDK = "PublishOutput"
_BUSY = "a rehearsal of this stage is running in this checkout"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    stage: StageSettings
    account: RehearsalAccount
    stacks: list[Stack]


def rehearse(name: str, *, home: Path, once: bool, say: Say) -> int:
    """Runs until somebody ends it, which counts as a success, or with `once` until everything is deployed."""
    if name == LOCAL:
        raise SettingsError("STAGE: local is what `make up` runs on this machine; rehearse another stage, such as dev")
    os.environ.pop("DATABASE_URL", None)  # the stage's migrations run in a MySQL of the rehearsal's own
    with suppress(Interrupted), rehearsed(name, own_context().get("stages"), home=home, say=_timed(say)) as rehearsal:
        say(greeting(rehearsal))
        if not once:
            wait_for_interrupt()
    say("hongyan: everything has ended")
    return 0


@contextmanager
def rehearsed(name: str, stages: object, *, home: Path, say: Say) -> Iterator[Rehearsal]:
    """Deploys a stage and keeps it for the length of the block."""
    stage, state = stage_settings(stages, name), home / "rehearse" / name
    with ExitStack() as exits, uninterrupted_end():
        exits.enter_context(hold_lock(home / "rehearse" / f"{name}.lock", busy=_BUSY))
        account = exits.enter_context(rehearsal_account(stage, state=state, cache=home / "cache", say=say))
        say(f"account {account.account}, {account.aws.region}: {account.aws.endpoint_url}")
        for line in account.beforehand.lines():
            say(f"there beforehand: {line}")
        sizes = synthesize(name, stages, out=state / _ASSEMBLY, log=state / "synth.log")
        say(f"synthesized: {', '.join(f'{stack} ({size} resources)' for stack, size in sizes.items())}")
        stacks = Stacks(aws=account.aws, sizes=sizes)
        _deploy(name, stacks, account, state, say)
        yield Rehearsal(stage=stage, account=account, stacks=stacks.made())


def _deploy(name: str, stacks: Stacks, account: RehearsalAccount, state: Path, say: Say) -> None:
    line = CommandLine(stage=name, assembly=state / _ASSEMBLY, environment=account.environment, logs=state)
    if failure := line.run("bootstrap"):
        raise CannotStartError(f"cdk bootstrap failed:\n{failure}")
    say("bootstrapped")
    deploy(line, stacks, say=say)
    say("deployed")


def _timed(say: Say) -> Say:
    began = time.monotonic()
    return lambda line: say(f"[{time.monotonic() - began:4.0f} s] {line}")


def greeting(rehearsal: Rehearsal) -> str:
    account, stage = rehearsal.account, rehearsal.stage
    lines = [f"\nStage {stage.name} stands. It ends with Ctrl-C here.", *_told(rehearsal.stacks)]
    lines += [*_tools(account.environment, rehearsal), f"MySQL: {account.mysql.with_database(stage.database.name)}"]
    return "\n".join(lines)


def _told(stacks: list[Stack]) -> Iterator[str]:
    for stack in stacks:
        yield f"{stack.name}  {stack.status}, {stack.resources} resources"
        yield from (f"    {key} = {value}" for key, value in stack.outputs.items() if not key.startswith(_OF_THE_CDK))


def _tools(environment: Mapping[str, str], rehearsal: Rehearsal) -> list[str]:
    stage, told = rehearsal.stage, " ".join(f"{name}={value}" for name, value in environment.items())
    migrate = rehearsal.stacks[-1].outputs["MigrateFunctionName"]
    endpoint = environment["AWS_ENDPOINT_URL"]
    return [
        "Look at it in another terminal; boto3 and the AWS CLI read the same variables:",
        f"  export {told}",
        f"  aws cloudformation describe-stack-events --stack-name {stage.full_name}-delivery",
        f"  aws lambda invoke --function-name {migrate} answer.json && cat answer.json",
        f'  .venv/bin/python -c \'import boto3; print(boto3.client("sqs", endpoint_url="{endpoint}").list_queues())\'',
        f"  make doctor STAGE={stage.name}",
        "Functions run when they are invoked; nothing polls Kafka or the queues here. For messages: make up.",
    ]
