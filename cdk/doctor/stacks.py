"""Whether a deployment can begin: the state of the stage's stacks."""

from collections.abc import Iterator

from cdk.doctor.account import Account
from cdk.doctor.finding import Finding, fail, ok, warn
from cdk.settings.stage import StageSettings


def stacks(account: Account, stage: StageSettings) -> Iterator[Finding]:
    for name in stack_names(stage):
        stack = account.stack(name)
        yield judged_stack(name, str(stack["StackStatus"]) if stack else None, stage.name)


def stack_names(stage: StageSettings) -> list[str]:
    data = [f"{stage.full_name}-data"] if stage.has_data_stack else []
    return [*data, f"{stage.full_name}-delivery"]


def judged_stack(name: str, status: str | None, stage: str) -> Finding:
    check, again = f"stack {name}", f"make deploy STAGE={stage}"
    if status is None:
        return ok(check, f"not there yet; {again} makes it")
    if status in ("ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS"):
        return warn(check, f"{status}: its first deployment failed", f"correct what failed, then {again} again")
    if status.endswith("_IN_PROGRESS"):
        return warn(check, f"{status}: somebody deploys or removes it", "wait until that has ended")
    if status.endswith("_FAILED"):
        return fail(check, f"{status}: CloudFormation needs help", "look at its events in CloudFormation's console")
    if status == "UPDATE_ROLLBACK_COMPLETE":
        return warn(check, f"{status}: the last deployment failed; the version before serves", f"{again} again")
    return ok(check, status)
