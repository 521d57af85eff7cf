"""An existing RDS and an existing MSK cluster: whether they are there, take IAM logins, and let the functions in."""

from collections.abc import Iterator, Sequence

from cdk.doctor.account import Absent, Account, Answer
from cdk.doctor.finding import Finding, fail, ok, warn
from cdk.doctor.network import groups, lets, subnets
from cdk.settings.sections.database import ExistingMySql, ExistingRds, rds_region
from cdk.settings.sections.kafka import ExistingMsk
from cdk.settings.sections.named import named
from cdk.settings.stage import StageSettings

#: A login's name in MSK's API, its port, and its name for people ("Port information", MSK Developer Guide).
_IAM = (("Sasl", "Iam"), 9098, "IAM access control")
_LOGINS = {
    "SCRAM-SHA-512": (("Sasl", "Scram"), 9096, "SASL/SCRAM"),
    "TLS": (("Tls",), 9094, "TLS client authentication"),
}
_ELSEWHERE = "an RDS of another account or region cannot be looked at from here: check it there"


def database(account: Account, stage: StageSettings) -> Iterator[Finding]:
    if not isinstance(stage.database, ExistingMySql) or not rds_region(stage.database.endpoint):
        return
    found = _in_rds(account, stage.database.endpoint)
    if not found:
        yield warn("database", f"no RDS here has the endpoint {stage.database.endpoint}", _ELSEWHERE)
        return
    yield judged_database(found, stage.database)
    its_groups = [it["VpcSecurityGroupId"] for it in found["VpcSecurityGroups"]]
    yield _reached("database", account, stage, its_groups, stage.database.port)


def _in_rds(account: Account, endpoint: str) -> Answer | None:
    """The instance or cluster with this address."""
    for instance in account.every("rds", "describe_db_instances", "DBInstances"):
        if instance.get("Endpoint", {}).get("Address") == endpoint:
            return dict(instance)
    for cluster in account.every("rds", "describe_db_clusters", "DBClusters"):
        if cluster.get("Endpoint") == endpoint:
            return dict(cluster)
    return None


def judged_database(found: Answer, settings: ExistingMySql) -> Finding:
    status = str(found.get("DBInstanceStatus") or found.get("Status"))
    resource = str(found.get("DbiResourceId") or found.get("DbClusterResourceId"))
    if status != "available":
        return fail("database", f"is {status}", "wait until it is available, or start it")
    if isinstance(settings, ExistingRds) and settings.iam_resource_id != resource:
        return fail("database", f"its resource id is {resource}", "write that as database.iam_resource_id")
    if isinstance(settings, ExistingRds) and not found.get("IAMDatabaseAuthenticationEnabled"):
        return fail(
            "database", "IAM authentication is off", "switch it on in RDS, or leave out database.iam_resource_id"
        )
    return ok("database", f"{settings.endpoint}, {status}")


def kafka(account: Account, stage: StageSettings) -> Iterator[Finding]:
    if not isinstance(stage.kafka, ExistingMsk):
        return
    try:
        cluster = account.ask("kafka", "describe_cluster_v2", ClusterArn=stage.kafka.cluster_arn)["ClusterInfo"]
    except Absent:
        yield fail("kafka", f"there is no cluster {stage.kafka.cluster_arn}", "correct kafka.cluster_arn")
        return
    yield judged_cluster(cluster, stage.kafka)
    if stage.kafka.vpc_connection_arn is None:  # with a VPC connection, the poller is in our own groups
        names = broker_groups(cluster)
        yield judged_poller(_groups(account, names), names, login(stage.kafka)[1])
        if stage.relay:
            yield _reached("kafka, relay", account, stage, names, login(stage.kafka)[1])


def login(settings: ExistingMsk) -> tuple[tuple[str, ...], int, str]:
    return _LOGINS[settings.auth_mechanism] if settings.auth_secret_arn else _IAM


def judged_cluster(cluster: Answer, settings: ExistingMsk) -> Finding:
    path, _, what = login(settings)
    kind = cluster.get("Provisioned") or cluster.get("Serverless") or {}
    if cluster["State"] != "ACTIVE":
        return fail("kafka", f"is {cluster['State']}", "wait until MSK says ACTIVE")
    enabled = kind.get("ClientAuthentication", {})
    for step in path:
        enabled = enabled.get(step, {})
    if not enabled.get("Enabled"):
        return fail("kafka", f"{what} is off", "switch it on in MSK: Security, Access control methods")
    return ok("kafka", f"{cluster['ClusterName']}, ACTIVE, with {what}")


def broker_groups(cluster: Answer) -> list[str]:
    provisioned = cluster.get("Provisioned", {}).get("BrokerNodeGroupInfo", {}).get("SecurityGroups", [])
    serverless = [it for vpc in cluster.get("Serverless", {}).get("VpcConfigs", []) for it in vpc["SecurityGroupIds"]]
    return [*provisioned, *serverless]


def judged_poller(found: Sequence[Answer], names: Sequence[str], port: int) -> Finding:
    """Lambda's poller is in the cluster's own groups ("Configuring Amazon MSK event sources for Lambda")."""
    if any(lets(it["IpPermissions"], port, groups=names) for it in found):
        return ok("kafka, poller", f"its groups let themselves in at {port}")
    remedy = f"add a rule to {names[0] if names else 'its group'}: inbound, TCP {port}, from itself"
    return fail("kafka, poller", f"none of the cluster's groups lets itself in at {port}", remedy)


def _reached(what: str, account: Account, stage: StageSettings, its_groups: Sequence[str], port: int) -> Finding:
    ours = [it["GroupId"] for it in groups(account, stage)] if named(stage, "group") else []
    blocks = [it.block for it in subnets(account, stage)] if named(stage, "subnet") else []
    return judged_reach(what, _groups(account, its_groups), ours, blocks, port)


def judged_reach(
    what: str, its_groups: Sequence[Answer], ours: Sequence[str], blocks: Sequence[str], port: int
) -> Finding:
    check = f"{what}, way in"
    if any(lets(it["IpPermissions"], port, groups=ours, blocks=blocks) for it in its_groups):
        return ok(check, f"the functions are let in at {port}")
    target = its_groups[0]["GroupId"] if its_groups else "its group"
    remedy = f"add a rule to {target}: inbound, TCP {port}, from {ours[0] if ours else 'the functions'}"
    return fail(check, f"no rule lets the functions in at {port}", remedy)


def _groups(account: Account, names: Sequence[str]) -> list[Answer]:
    if not names:
        return []
    filters = [{"Name": "group-id", "Values": list(names)}]
    return account.every("ec2", "describe_security_groups", "SecurityGroups", Filters=filters)


def alarm_topic(account: Account, stage: StageSettings) -> Iterator[Finding]:
    for key, arn in named(stage, "topic"):
        try:
            account.ask("sns", "get_topic_attributes", TopicArn=arn)
            yield ok(key, arn)
        except Absent:
            yield fail(key, f"there is no topic {arn}", "correct the ARN in cdk.json, or create the topic")
