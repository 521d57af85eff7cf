"""What single regions lack of what a stage asks for, so that it is refused before anything is made.

The CDK itself refuses classes of instances that a region lacks, if the stage names its region.
"""

import re
import ssl
from collections.abc import Iterator
from functools import cache
from typing import Any

from cdk.settings.context import ROOT
from cdk.settings.sections.api import Api
from cdk.settings.sections.database import Database, ExistingRds, NewMySql, rds_region

#: The bundle's path in `database.ca_file`, because Lambda unpacks the layer into /opt.
BUNDLE = ROOT / "layers" / "delivery" / "rds-ca.pem"
SHIPPED = f"/opt/{BUNDLE.name}"
_OF_RDS = re.compile(r"^Amazon RDS (?P<region>[a-z0-9-]+) Root CA ")


#: Among regions with RDS, by botocore's list of endpoints (1.43.127). buildkite/elastic-ci-stack-for-aws#1297 shows how
#: a stack fails there, and so does aws/aws-cdk#13385, which was about China and has been fixed.
WITHOUT_ROTATION = frozenset(
    {
        "af-south-1",
        "ap-east-2",
        "ap-northeast-3",
        "ap-south-2",
        "ap-southeast-3",
        "ap-southeast-4",
        "ap-southeast-5",
        "ap-southeast-6",
        "ap-southeast-7",
        "ca-west-1",
        "eu-central-2",
        "eu-south-1",
        "eu-south-2",
        "il-central-1",
        "me-central-1",
        "mx-central-1",
    }
)

#: AWS Lambda developer guide, "Improving startup performance with Lambda SnapStart", "Supported Regions"
WITHOUT_SNAP_START = frozenset({"ap-east-2", "ap-southeast-6"})


def lacking(database: Database, region: str | None) -> Iterator[str]:
    """A complaint for each database setting that the region cannot fulfil."""
    yield from _unknown_authorities(database, region)
    if isinstance(database, NewMySql) and database.new.rotation_days and region in WITHOUT_ROTATION:
        yield (
            f"database.new.rotation_days: should be 0 in {region}, is {database.new.rotation_days}; AWS's function "
            "that rotates secrets comes from the Serverless Application Repository, which is not there"
        )


def lacking_snap_start(*, api: Api | None, python: str, region: str | None, is_local: bool) -> Iterator[str]:
    """A complaint if the API's function cannot start from a snapshot. A local stage never does."""
    if is_local or not (api and api.snap_start):
        return
    if python == "3.11":
        yield "api.snap_start: should be false, or python 3.12 or newer; the stage has 3.11"
    if region in WITHOUT_SNAP_START:
        yield f"api.snap_start: should be false in {region}, where Lambda has none"


def _unknown_authorities(database: Database, region: str | None) -> Iterator[str]:
    """Without the authorities the first migration would fail at its TLS handshake, after everything else was made."""
    where = _region_of(database, region)
    if where and database.ca_file == SHIPPED and where not in known_regions():
        yield (
            f"database.ca_file: {SHIPPED} lacks RDS's authorities of {where}; put AWS's bundle of that region into "
            f"layers/delivery, say as {where}.pem, and name it here: /opt/{where}.pem"
        )


def _region_of(database: Database, region: str | None) -> str | None:
    """The region of a new MySQL or an RDS. For any other server its owner supplies the authorities."""
    if isinstance(database, NewMySql):
        return region
    return rds_region(database.endpoint) or (region if isinstance(database, ExistingRds) else None)


@cache
def known_regions() -> frozenset[str]:
    """Reads the regions from the names of the bundle's roots, so that adding a root is enough."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(BUNDLE)
    subjects: list[Any] = [authority["subject"] for authority in context.get_ca_certs()]
    names = [str(dict(part[0] for part in subject).get("commonName")) for subject in subjects]
    return frozenset(found["region"] for name in names if (found := _OF_RDS.match(name)))
