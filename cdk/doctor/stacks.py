"""Whether a deployment can begin: the state of the stage's stacks, and whether its names are free."""

from collections.abc import Iterator, Sequence

from cdk.doctor.account import Account, Answer
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


def names(account: Account, stage: StageSettings) -> Iterator[Finding]:
    """Checks the names of alarms and the dashboard, because CloudFormation fails if one "already exists".

    ACloudGuru/serverless-plugin-aws-alerts#242 shows it. All other resources get their names from their stack.
    """
    if account.stack(f"{stage.full_name}-delivery") is None:
        taken = [str(it["AlarmName"]) for it in own_alarms(account, stage)]
        told = {"DashboardNamePrefix": stage.full_name}
        found = account.every("cloudwatch", "list_dashboards", "DashboardEntries", **told)
        taken += [stage.full_name for it in found if it["DashboardName"] == stage.full_name]
        yield judged_names(taken)


def own_alarms(account: Account, stage: StageSettings) -> list[Answer]:
    """The alarms of stage `dev` and not those of `dev-2`: after the stage an alarm's name has no dash."""
    prefix = f"{stage.full_name}-"
    found = account.every("cloudwatch", "describe_alarms", "MetricAlarms", AlarmNamePrefix=prefix)
    return [it for it in found if "-" not in it["AlarmName"].removeprefix(prefix)]


def judged_names(taken: Sequence[str]) -> Finding:
    if taken:
        found = f"alarms or a dashboard have them already: {', '.join(taken)}"
        return fail("names", found, "delete these in CloudWatch, or give the stage another name_prefix")
    return ok("names", "free")
