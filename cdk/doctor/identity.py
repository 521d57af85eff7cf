"""Who asks, where, and whether the CDK may deploy there."""

from collections.abc import Iterator

from cdk.doctor.account import Absent, Account
from cdk.doctor.finding import Finding, fail, ok, warn
from cdk.settings.stage import StageSettings

#: The bootstrap version that `DefaultStackSynthesizer` requires ("AWS CDK bootstrapping", template versions).
_LEAST_BOOTSTRAP = 6
_BOOTSTRAP_VERSION = "/cdk-bootstrap/hnb659fds/version"


def credentials(account: Account, stage: StageSettings) -> Iterator[Finding]:
    """Checks whose credentials are used. If this raises CannotLook, no other check can work and the doctor stops."""
    caller = account.ask("sts", "get_caller_identity")
    yield judged_account(str(caller["Account"]), str(caller["Arn"]), stage)
    yield judged_region(account.region, stage)


def judged_account(account: str, who: str, stage: StageSettings) -> Finding:
    if stage.account and stage.account != account:
        remedy = f"use credentials of {stage.account} (AWS_PROFILE), or correct account in cdk.json"
        return fail("credentials", f"{who} is in account {account}, the stage in {stage.account}", remedy)
    return ok("credentials", f"{who}, account {account}")


def judged_region(region: str, stage: StageSettings) -> Finding:
    if stage.region:
        return ok("region", f"{region}, as the stage says")
    remedy = "say region in cdk.json, so that another shell does not deploy a second stage elsewhere"
    return warn("region", f"{region}, which your credentials chose: the stage names none", remedy)


def bootstrap(account: Account, stage: StageSettings) -> Iterator[Finding]:
    try:
        answer = account.ask("ssm", "get_parameter", Name=_BOOTSTRAP_VERSION)
    except Absent:
        yield fail(
            "bootstrap", f"nobody has prepared {account.region} for the CDK", f"make bootstrap STAGE={stage.name}"
        )
        return
    yield judged_bootstrap(int(answer["Parameter"]["Value"]), stage)


def judged_bootstrap(version: int, stage: StageSettings) -> Finding:
    if version < _LEAST_BOOTSTRAP:
        found = f"version {version}, and deployments need {_LEAST_BOOTSTRAP}"
        return fail("bootstrap", found, f"make bootstrap STAGE={stage.name}")
    return ok("bootstrap", f"version {version}")
