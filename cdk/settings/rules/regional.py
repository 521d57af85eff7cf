"""What settings ask of the region that the stage is in."""

from collections.abc import Iterator, Mapping

from pydantic import BaseModel

from cdk.settings.sections.database import Database, ExistingRds, rds_region
from cdk.settings.sections.functions import Alarms
from cdk.settings.sections.kafka import Kafka
from cdk.settings.sections.network import Network, NewVpc
from cdk.settings.sections.regions import lacking

_Lines = Iterator[str]


def zones_of_region_rule(region: str | None, network: Network | None) -> _Lines:
    names = network.availability_zones or () if isinstance(network, NewVpc) else ()
    if region and (elsewhere := [it for it in names if it[:-1] != region]):
        yield f"network.availability_zones: should be zones of {region}, the stage's region, is {', '.join(elsewhere)}"


def lacking_rule(region: str | None, database: Database) -> _Lines:
    yield from lacking(database, region)


def region_rule(
    *,
    region: str | None,
    database: Database,
    kafka: Kafka,
    alarms: Alarms | None,
    log_key_arn: str | None,
    data_key_arn: str | None,
) -> _Lines:
    keys = {"log_key_arn": log_key_arn, "data_key_arn": data_key_arn}
    regions = dict(_regions(database=database, kafka=kafka, alarms=alarms, **keys))
    if region:
        for (key, value), named in regions.items():
            if named != region:
                yield f"{key}: should be in {region}, the stage's region, is {value}"
    elif len({*regions.values()}) > 1:
        told = ", ".join(f"{key} in {named}" for (key, _), named in regions.items())
        yield f"region: a stage is in one region, but these are in several: {told}"


def _regions(**sections: object) -> Iterator[tuple[tuple[str, str], str]]:
    """Each setting that names something in a region, with its value and that region."""
    for key, arn in _arns(sections):
        yield (key, arn), arn.split(":")[3]
    database = sections["database"]
    if isinstance(database, ExistingRds) and (named := rds_region(database.endpoint)):
        yield ("database.endpoint", database.endpoint), named


def _arns(given: Mapping[str, object], at: str = "") -> Iterator[tuple[str, str]]:
    for key, value in given.items():
        if isinstance(value, BaseModel):
            yield from _arns(dict(value), f"{at}{key}.")
        elif isinstance(value, str) and value.startswith("arn:"):
            yield f"{at}{key}", value


def data_keys_rule(region: str | None, data_key_arn: str | None, old_data_key_arns: tuple[str, ...]) -> _Lines:
    for arn in old_data_key_arns:
        if region and arn.split(":")[3] != region:
            yield f"old_data_key_arns: should be in {region}, the stage's region, is {arn}"
    if data_key_arn in old_data_key_arns:
        yield f"old_data_key_arns: leave out {data_key_arn}, which is data_key_arn"
