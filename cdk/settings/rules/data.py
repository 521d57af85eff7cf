"""What the settings of network and MySQL ask of each other."""

import math
from collections.abc import Iterator

from cdk.settings.sections.database import Database, ExistingMySql, NewMySql, rds_region
from cdk.settings.sections.network import LEAST_ZONES, TWO_ZONES, ExistingVpc, Network, NewVpc, room_for_zones, zones

#: RDS requires a maximum of "at least 10% more than the current allocated storage" and advises 26 %, which avoids
#: events ("Managing capacity automatically with Amazon RDS storage autoscaling").
_GROWS_BY_A = 10

_Lines = Iterator[str]


def network_rule(network: Network | None) -> _Lines:
    if not isinstance(network, NewVpc):
        return
    number, room, names = zones(network), room_for_zones(network.cidr), network.availability_zones or ()
    if number > room:
        yield f"network.cidr: should be larger than {network.cidr}, which has room for {room} zones; there are {number}"
    if len(set(names)) < len(names):
        yield f"network.availability_zones: should be different zones, is {', '.join(names)}"
    if names and "zones" in network.model_fields_set and network.zones != number:
        yield f"network.zones: should be {number}, as many as network.availability_zones names, or left out"


def own_places_rule(network: Network | None) -> _Lines:
    if isinstance(network, ExistingVpc) and network.data_subnet_ids and len(network.data_subnet_ids) < LEAST_ZONES:
        yield f"network.data_subnet_ids: should be at least {LEAST_ZONES} subnets, each in a zone of its own"


def database_rule(database: Database, network: Network | None, removal_policy: str) -> _Lines:
    if not isinstance(database, NewMySql):
        return
    if zones(network) < LEAST_ZONES:
        yield f"database.new: needs {TWO_ZONES}"
    if removal_policy == "destroy" and database.new.deletion_protection:
        yield "removal_policy: should be retain, or database.new.deletion_protection false: RDS would refuse"


def storage_rule(database: Database) -> _Lines:
    if not isinstance(database, NewMySql):
        return
    new = database.new
    least = new.storage_gb + math.ceil(new.storage_gb / _GROWS_BY_A)
    if new.storage_max_gb is not None and new.storage_max_gb < least:
        says = f"should be at least {least}, a tenth more than database.new.storage_gb, is {new.storage_max_gb}"
        yield f"database.new.storage_max_gb: {says}"
    if new.snapshot_arn and new.storage_key_arn:
        yield "database.new.storage_key_arn: does not go with database.new.snapshot_arn, whose own key is used"


def boundary_rule(permissions_boundary_arn: str | None, database: Database) -> _Lines:
    """AWS's own template has that function's role and takes no boundary."""
    if permissions_boundary_arn and isinstance(database, NewMySql) and database.new.rotation_days:
        says = "should be 0 with permissions_boundary_arn: AWS's rotation function makes a role without it"
        yield f"database.new.rotation_days: {says}"


def outside_rule(*, database: Database, network: Network | None, is_local: bool) -> _Lines:
    if not is_local and network is None and isinstance(database, ExistingMySql) and rds_region(database.endpoint):
        yield "network: is missing; an RDS is reached from within its VPC (network.vpc_id)"
