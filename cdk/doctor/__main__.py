"""The command: `python -m cdk.doctor --stage dev`."""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict

import boto3
from botocore.exceptions import BotoCoreError

from cdk.doctor.account import Account
from cdk.doctor.checks import examination
from cdk.doctor.finding import Finding, something_fails
from cdk.doctor.trial import Trial
from cdk.error import SettingsError
from cdk.settings.context import own_context
from cdk.settings.stage import DEFAULT_STAGE, LOCAL, StageSettings, stage_settings

_INDENT = " " * 6


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        stage = _settings(options.stage)
        account = account_of(stage)
    except (SettingsError, BotoCoreError) as error:
        sys.stderr.write(f"hongyan: {error}\n")
        return 1
    trial = Trial(user=options.test_user) if options.test_user else None
    findings = examination(account, stage, trial)
    return 1 if something_fails(_printed(findings, as_json=options.json)) else 0


def account_of(stage: StageSettings) -> Account:
    session = boto3.Session()
    region = stage.region or session.region_name
    if not region:
        raise SettingsError("no region: say region in cdk.json, or set AWS_REGION")
    return Account(session=session, region=region)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m cdk.doctor",
        description="Checks an AWS account before and after a deployment of a stage, and says what to do. Ends with 1 "
        "if something fails. It runs the deployed migration again, and changes nothing else.",
    )
    parser.add_argument("--stage", default=DEFAULT_STAGE, help="a stage of cdk.json (default: %(default)s)")
    parser.add_argument(
        "--test-user", type=int, metavar="N", help="also send this user a message, to try the whole path"
    )
    parser.add_argument("--json", action="store_true", help="a list of objects instead of lines")
    return parser


def _settings(name: str) -> StageSettings:
    if name == LOCAL:
        raise SettingsError("STAGE: local is not on AWS; `make up` says what is wrong there")
    return stage_settings(own_context().get("stages"), name)


def _printed(findings: Iterable[Finding], *, as_json: bool) -> list[Finding]:
    """Prints each line as soon as it is known: some checks take a while."""
    if as_json:
        told = list(findings)
        _out(json.dumps([asdict(it) for it in told], ensure_ascii=False, indent=2))
        return told
    told = []
    for finding in findings:
        _out(line(finding))
        told.append(finding)
    _out(summary(told))
    return told


def line(finding: Finding) -> str:
    told = f"{finding.verdict:<4}  {finding.check}: {finding.found}"
    return f"{told}\n{_INDENT}→ {finding.remedy}" if finding.remedy else told


def summary(findings: Sequence[Finding]) -> str:
    number = {verdict: sum(it.verdict == verdict for it in findings) for verdict in ("ok", "warn", "fail")}
    return f"\n{number['ok']} ok, {number['warn']} to look at, {number['fail']} to mend"


def _out(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
