"""Whether the account has room for what the stage makes: quotas, zones, instance classes.

Codes and defaults are from "Amazon VPC quotas", "Quotas and constraints for Amazon RDS" (20 instances in ap-south-1),
"AWS Lambda endpoints and quotas" and "Amazon Managed Streaming for Apache Kafka endpoints and quotas".
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cdk.doctor.account import Absent, Account, CannotLook
from cdk.doctor.finding import Finding, fail, ok, warn
from cdk.settings.sections.database import NewMySql
from cdk.settings.sections.kafka import NewKafka, ProvisionedMsk
from cdk.settings.sections.network import LEAST_ZONES, NewVpc, zones, zones_of_msk
from cdk.settings.stage import StageSettings

#: Functions besides send and ingest: claim, prune, migrate, topic and the senders of reports.
_OTHER_FUNCTIONS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    name: str
    service: str
    code: str
    #: AWS's default for an account that has not asked for more.
    default: int


VPCS = Quota(name="VPCs", service="vpc", code="L-F678F1CE", default=5)
ADDRESSES = Quota(name="Elastic IP addresses", service="ec2", code="L-0263D0A3", default=5)
DATABASES = Quota(name="RDS instances", service="rds", code="L-7B6409FD", default=40)
CONCURRENCY = Quota(name="concurrent Lambda functions", service="lambda", code="L-B99A9384", default=1_000)
BROKERS = Quota(name="MSK brokers", service="kafka", code="L-EDD31C36", default=90)


def quotas(account: Account, stage: StageSettings) -> Iterator[Finding]:
    """Checks the quotas. Resources that the stage has already made need no more."""
    if account.stack(f"{stage.full_name}-data") is None:
        for quota, needed in needs(stage):
            try:
                yield judged_quota(quota, used=_used(account, quota), needed=needed, limit=_limit(account, quota))
            except CannotLook as error:
                remedy = f"look at Service Quotas yourself: the stage needs {needed}, the default is {quota.default}"
                yield warn(f"quota of {quota.name}", f"could not look: {error}", remedy)
    try:
        yield judged_concurrency(_limit(account, CONCURRENCY), concurrency(stage))
    except CannotLook as error:
        remedy = f"look at Service Quotas yourself: the stage uses up to {concurrency(stage)} at once"
        yield warn(f"quota of {CONCURRENCY.name}", f"could not look: {error}", remedy)


def needs(stage: StageSettings) -> Iterator[tuple[Quota, int]]:
    if isinstance(stage.network, NewVpc):
        yield VPCS, 1
        yield ADDRESSES, zones(stage.network) if stage.network.nat == "gateway_per_zone" else 1
    if isinstance(stage.database, NewMySql):
        yield DATABASES, 1
    if isinstance(stage.kafka, NewKafka) and isinstance(stage.kafka.new, ProvisionedMsk):
        yield BROKERS, stage.kafka.new.brokers.per_zone * zones_of_msk(stage.network)


def concurrency(stage: StageSettings) -> int:
    """Checks how many functions may run at once under load."""
    partitions = stage.kafka.new.partitions if isinstance(stage.kafka, NewKafka) else 1
    relays = stage.relay.at_once if stage.relay else 0
    return stage.send.max_concurrency + partitions + relays + _OTHER_FUNCTIONS


def judged_quota(quota: Quota, *, used: int, needed: int, limit: int) -> Finding:
    check, found = f"quota of {quota.name}", f"{used} of {limit} are in use, the stage needs {needed}"
    if used + needed > limit:
        return fail(check, found, f"ask for more in Service Quotas ({quota.service} {quota.code}), or remove some")
    return ok(check, found)


def judged_concurrency(limit: int, wanted: int) -> Finding:
    check, found = f"quota of {CONCURRENCY.name}", f"{limit} in this region, the stage uses up to {wanted} at once"
    if wanted > limit:
        remedy = f"ask for more in Service Quotas (lambda {CONCURRENCY.code}): new accounts have few"
        return fail(check, found, remedy)
    return ok(check, found)


def _limit(account: Account, quota: Quota) -> int:
    """The account's quota, or AWS's default if the account has no value of its own ("GetServiceQuota")."""
    try:
        answer = account.ask("service-quotas", "get_service_quota", ServiceCode=quota.service, QuotaCode=quota.code)
    except Absent:
        return quota.default
    return int(answer["Quota"]["Value"])


def _used(account: Account, quota: Quota) -> int:
    match quota.service:
        case "vpc":
            return len(account.every("ec2", "describe_vpcs", "Vpcs"))
        case "ec2":
            return len(account.every("ec2", "describe_addresses", "Addresses"))
        case "rds":
            return len(account.every("rds", "describe_db_instances", "DBInstances"))
        case _:
            clusters = account.every("kafka", "list_clusters_v2", "ClusterInfoList")
            return sum(int(it.get("Provisioned", {}).get("NumberOfBrokerNodes", 0)) for it in clusters)


def offers(account: Account, stage: StageSettings) -> Iterator[Finding]:
    """Checks the zones, and which instance classes they have."""
    if not isinstance(stage.network, NewVpc):
        return
    filters = [{"Name": "state", "Values": ["available"]}, {"Name": "zone-type", "Values": ["availability-zone"]}]
    found = account.ask("ec2", "describe_availability_zones", Filters=filters)["AvailabilityZones"]
    names = sorted(str(it["ZoneName"]) for it in found)
    yield judged_zones(names, zones(stage.network), stage.network.availability_zones or ())
    used = stage.network.availability_zones or names[: zones(stage.network)]
    for check, key, offered in _offered(account, stage):
        yield judged_class(check, key, offered, used=used)


def _offered(account: Account, stage: StageSettings) -> Iterator[tuple[str, str, Sequence[str]]]:
    """Each class that the stage names, with its key and the zones that have it."""
    if isinstance(stage.database, NewMySql):
        name = f"db.{stage.database.new.instance_class}"
        version = stage.database.new.engine_version
        yield f"RDS {name}", "database.new.instance_class", _rds_zones(account, name, version)
    if isinstance(stage.kafka, NewKafka) and isinstance(stage.kafka.new, ProvisionedMsk):
        name = stage.kafka.new.brokers.instance_class
        # MSK has no such list; its brokers are EC2 instances of the same class.
        yield f"EC2 {name}, for MSK", "kafka.new.brokers.instance_class", _ec2_zones(account, name)


def judged_zones(names: Sequence[str], wanted: int, named: Sequence[str] = ()) -> Finding:
    found = f"{len(names)} in this region ({', '.join(names)}), the stage uses {wanted}"
    if unknown := sorted({*named} - {*names}):
        return fail(
            "zones", f"this account sees no {', '.join(unknown)}; {found}", "correct network.availability_zones"
        )
    if len(names) < wanted:
        return fail("zones", found, f"set network.zones to {max(len(names), LEAST_ZONES)}, or choose another region")
    return ok("zones", found)


def judged_class(check: str, key: str, offered: Sequence[str], *, used: Sequence[str]) -> Finding:
    """The stage uses the account's first zones in the order of their names."""
    if lacking := [zone for zone in used if zone not in offered]:
        where = f"; {', '.join(offered)} has it" if offered else ""
        return fail(check, f"not offered in {', '.join(lacking)}{where}", f"choose another class: {key} in cdk.json")
    return ok(check, f"offered in {', '.join(used)}")


def _rds_zones(account: Account, name: str, version: str) -> list[str]:
    told = {"Engine": "mysql", "EngineVersion": version, "DBInstanceClass": name}
    options = account.every("rds", "describe_orderable_db_instance_options", "OrderableDBInstanceOptions", **told)
    return sorted({str(zone["Name"]) for it in options for zone in it["AvailabilityZones"]})


def _ec2_zones(account: Account, name: str) -> list[str]:
    told = {"LocationType": "availability-zone", "Filters": [{"Name": "instance-type", "Values": [name]}]}
    offered = account.every("ec2", "describe_instance_type_offerings", "InstanceTypeOfferings", **told)
    return sorted(str(it["Location"]) for it in offered)
