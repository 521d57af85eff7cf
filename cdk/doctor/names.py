"""Whether a deployment can begin: the state of the stage's stacks, and names that something else has taken."""

from collections.abc import Iterator, Sequence

from cdk.doctor.account import Account
from cdk.doctor.finding import Finding, fail, ok, warn
from cdk.settings.database import NewMySql
from cdk.settings.kafka import NewKafka
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


def taken(account: Account, stage: StageSettings) -> Iterator[Finding]:
    """Before the data stack is there: it gives these fixed names."""
    if account.stack(f"{stage.full_name}-data") is not None:
        return
    name = stage.full_name
    if isinstance(stage.database, NewMySql):
        databases = account.every("rds", "describe_db_instances", "DBInstances")
        names = [str(it["DBInstanceIdentifier"]) for it in databases]
        yield judged_name("MySQL", name, names, "restore or delete that instance, or name the stage differently")
    if isinstance(stage.kafka, NewKafka):
        clusters = account.every("kafka", "list_clusters_v2", "ClusterInfoList")
        names = [str(it["ClusterName"]) for it in clusters]
        yield judged_name("Kafka", name, names, "use it (kafka.cluster_arn), delete it, or name the stage differently")


def judged_name(what: str, name: str, names: Sequence[str], remedy: str) -> Finding:
    check = f"name of the new {what}"
    if name in names:
        return fail(check, f"{name} is taken, and no data stack is there that made it", remedy)
    return ok(check, f"{name} is free")
