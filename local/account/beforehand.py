"""Makes what a stage's settings name and somebody else made, under exactly the ids and ARNs that they give.

moto draws ids at random, so each is made with moto's own method and the id put in place of the drawn one.
"""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from moto.ec2.models import ec2_backends, security_groups, subnets, vpcs
from moto.kafka.models import kafka_backends
from moto.kms.models import kms_backends
from moto.rds.models import DBInstance, rds_backends
from moto.secretsmanager.models import secretsmanager_backends
from moto.sns.models import sns_backends

from cdk.settings.sections.database import ExistingMySql, ExistingRds, rds_region
from cdk.settings.sections.named import Named, named
from cdk.settings.sections.network import ExistingVpc
from cdk.settings.stage import StageSettings

#: The variable in which the server finds them, as JSON.
BEFOREHAND = "ACCOUNT_BEFOREHAND"
_EVERYWHERE = [{"CidrIp": "0.0.0.0/0"}]
_ZONES = "abcdef"


@dataclass(frozen=True, slots=True, kw_only=True)
class Beforehand:
    account: str
    region: str
    vpc: str = ""
    subnets: Sequence[str] = ()
    groups: Sequence[str] = ()
    secrets: Sequence[str] = ()
    keys: Sequence[str] = ()
    clusters: Sequence[str] = ()
    topics: Sequence[str] = ()
    #: RDS's name of a database, and its resource id
    database: str = ""
    database_id: str = ""

    @classmethod
    def of(cls, stage: StageSettings, *, account: str, region: str) -> "Beforehand":
        database = stage.database
        in_rds = isinstance(database, ExistingMySql) and rds_region(database.endpoint)
        return cls(
            account=account,
            region=region,
            vpc=stage.network.vpc_id if isinstance(stage.network, ExistingVpc) else "",
            subnets=_values(named(stage, "subnet")),
            groups=_values(named(stage, "group")),
            secrets=_values(named(stage, "secret")),
            keys=_values(named(stage, "key")),
            clusters=_values(named(stage, "cluster")),
            topics=_values(named(stage, "topic")),
            database=database.endpoint if isinstance(database, ExistingMySql) and in_rds else "",
            database_id=database.iam_resource_id if isinstance(database, ExistingRds) else "",
        )

    def told(self) -> str:
        return json.dumps(asdict(self))

    def lines(self) -> list[str]:
        """What exists in the account, a line for each kind."""
        kinds = {
            "VPC": [it for it in (self.vpc,) if it],
            "subnets": self.subnets,
            "security groups": self.groups,
            "secrets": self.secrets,
            "keys": self.keys,
            "Kafka": self.clusters,
            "SNS topics": self.topics,
            "MySQL": [it for it in (self.database,) if it],
        }
        return [f"{kind}: {', '.join(found)}" for kind, found in kinds.items() if found]


def _values(found: Sequence[Named]) -> list[str]:
    return list(dict.fromkeys(value for _, value in found))


def make_what_was_asked_for(secret: str) -> None:
    """Makes the resources in this process's moto. Every secret has this text."""
    if told := os.environ.get(BEFOREHAND):
        make(Beforehand(**json.loads(told)), secret=secret)


def make(wanted: Beforehand, *, secret: str) -> None:
    _network(wanted)
    for arn in wanted.secrets:
        _secret(arn, secret, wanted)
    for arn in wanted.keys:
        _key(arn, wanted)
    for arn in wanted.clusters:
        _cluster(arn, wanted)
    for arn in wanted.topics:
        sns_backends[wanted.account][_region(arn)].create_topic(arn.rpartition(":")[2])
    if wanted.database:
        _database(wanted)


def _network(wanted: Beforehand) -> None:
    """Makes subnets in different zones with a way out, and groups that let each other in and all out, as MSK needs."""
    ec2 = ec2_backends[wanted.account][wanted.region]
    if not wanted.vpc:
        return
    _with_id(vpcs, "random_vpc_id", wanted.vpc, lambda: ec2.create_vpc("10.77.0.0/16"))
    nat = _way_out(ec2, wanted)
    for number, subnet in enumerate(wanted.subnets):
        zone = f"{wanted.region}{_ZONES[number % 3]}"
        _subnet(ec2, subnet, wanted.vpc, number, zone)
        table = ec2.create_route_table(wanted.vpc)
        ec2.create_route(table.id, "0.0.0.0/0", None, nat_gateway_id=nat)
        ec2.associate_route_table(table.id, subnet_id=subnet)
    for group in wanted.groups:
        _group(ec2, group, wanted.vpc)


def _way_out(ec2: Any, wanted: Beforehand) -> str:
    public = _subnet(ec2, "subnet-0000000000000feed", wanted.vpc, 200, f"{wanted.region}a")
    gateway = ec2.create_internet_gateway()
    ec2.attach_internet_gateway(gateway.id, wanted.vpc)
    address = ec2.allocate_address("vpc")
    nat: str = ec2.create_nat_gateway(public, address.allocation_id).id
    return nat


def _subnet(ec2: Any, name: str, vpc: str, number: int, zone: str) -> str:
    block = f"10.77.{number}.0/24"
    _with_id(subnets, "random_subnet_id", name, lambda: ec2.create_subnet(vpc, block, availability_zone=zone))
    return name


def _group(ec2: Any, name: str, vpc: str) -> None:
    made = "random_security_group_id"
    _with_id(security_groups, made, name, lambda: ec2.create_security_group(name, "made beforehand", vpc_id=vpc))
    inside = [{"GroupId": name, "OwnerId": ec2.account_id}]
    for port in ("3306", "9094", "9096", "9098"):
        ec2.authorize_security_group_ingress(name, "tcp", port, port, [], source_groups=inside)


def _secret(arn: str, text: str, wanted: Beforehand) -> None:
    backend = secretsmanager_backends[wanted.account][_region(arn)]
    name = arn.rpartition(":secret:")[2].rpartition("-")[0]
    unsaid: dict[str, Any] = dict.fromkeys(("secret_binary", "description", "kms_key_id", "client_request_token"))
    unsaid |= {"tags": [], "replica_regions": [], "force_overwrite": False}
    backend.create_secret(name, secret_string=text, **unsaid)
    vars(backend.secrets[name])["arn"] = arn


def _key(arn: str, wanted: Beforehand) -> None:
    backend = kms_backends[wanted.account][_region(arn)]
    key = backend.create_key(None, "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT", "made beforehand", [])
    del backend.keys[key.id]
    name = arn.rpartition("/")[2]
    vars(key).update(id=name, arn=arn)
    backend.keys[name] = key


def _cluster(arn: str, wanted: Beforehand) -> None:
    """Makes a cluster with IAM logins, in the subnets and groups of the settings."""
    backend = kafka_backends[wanted.account][_region(arn)]
    brokers = {"clientSubnets": list(wanted.subnets), "securityGroups": list(wanted.groups)}
    told = {"brokerNodeGroupInfo": {**brokers, "instanceType": "kafka.m7g.large"}, "numberOfBrokerNodes": 3}
    made, *_ = backend.create_cluster_v2(arn.split("/")[1], {}, told, None)
    cluster = backend.clusters.pop(made)
    on = {"enabled": True}
    login = {"sasl": {"iam": on, "scram": on}, "tls": on, "unauthenticated": {"enabled": False}}
    vars(cluster).update(arn=arn, state="ACTIVE", client_authentication=login)
    backend.clusters[arn] = cluster


def _database(wanted: Beforehand) -> None:
    backend = rds_backends[wanted.account][wanted.region]
    name = wanted.database.partition(".")[0]
    told = {"db_instance_identifier": name, "engine": "mysql", "db_instance_class": "db.m7g.large", "port": 3306}
    rest = {"allocated_storage": 100, "master_username": "admin", "master_user_password": "made-beforehand"}
    made = backend.create_db_instance({**told, **rest, "enable_iam_database_authentication": bool(wanted.database_id)})
    made.dbi_resource_id = wanted.database_id or made.dbi_resource_id
    # moto computes the address from the identifier, but this instance needs its own
    made.__class__ = type("AtAnAddress", (DBInstance,), {"address": wanted.database})
    made.vpc_security_group_ids = list(wanted.groups)


def _region(arn: str) -> str:
    return arn.split(":")[3]


def _with_id(module: Any, drawn: str, wanted: str, make: Callable[[], object]) -> None:
    """Calls `make` while the module's function that draws ids returns `wanted`."""
    names: dict[str, Any] = vars(module)
    original = names[drawn]
    names[drawn] = lambda *_, **__: wanted
    try:
        make()
    finally:
        names[drawn] = original
