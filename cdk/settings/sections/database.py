"""MySQL: a new one, an RDS where functions are users of their own, or any other by its address and secret."""

import re
from typing import Annotated

from pydantic import Field, Tag

from cdk.settings.sections.section import InstanceClass, KeyArn, SecretArn, StageSection, chosen_by
from delivery.aws.settings.types import LONGEST_USER_PREFIX, DatabaseName, Host, Moment, Port

#: Functions' users are named after the database, followed by an underscore.
_LONGEST_NAME = LONGEST_USER_PREFIX - 1
_NEW_NAME = rf"^[A-Za-z][A-Za-z0-9_]{{0,{_LONGEST_NAME - 1}}}$"
_VERSION = r"^8\.(0|4)\.[1-9][0-9]*$"
_SNAPSHOT = r"^arn:aws[a-z-]*:rds:[^:]+:[0-9]{12}:snapshot:[A-Za-z0-9:-]+$"
_NAMED_BY_RDS = r"^[A-Za-z0-9.-]+\.rds\.([a-z0-9-]+\.)?amazonaws\.com(\.cn)?$"
#: `….eu-west-1.rds.amazonaws.com`, and in China `….rds.cn-north-1.amazonaws.com.cn`
_REGION_OF_RDS = re.compile(
    r"\.([a-z0-9-]+)\.rds\.amazonaws\.com(?:\.cn)?$|\.rds\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?$"
)


class NewInstance(StageSection):
    instance_class: InstanceClass = "t4g.small"
    """`database.new: {}` makes an RDS for MySQL; AWS asks for 300 to 1000 MiB of memory for IAM authentication alone"""
    engine_version: str = Field("8.4.10", pattern=_VERSION, title="a version of RDS for MySQL such as 8.4.10")
    """raising it updates the instance at deployment, which takes it away for some minutes; RDS takes none back"""
    snapshot_arn: Annotated[str, Field(pattern=_SNAPSHOT, title="the ARN of an RDS snapshot")] | None = None
    """MySQL begins with its data ([how](operations.md#restoring-a-backup)); keep it as it is from then on"""
    storage_gb: int = Field(20, ge=20, le=16_384)
    storage_max_gb: int | None = Field(None, ge=22, le=16_384)
    """storage grows by itself up to this, which is at least a tenth more, better 26 %; RDS takes none back"""
    storage_key_arn: KeyArn | None = None
    """encrypts storage and backups; without it the stage makes a key. It cannot be changed later"""
    multi_az: bool = False
    """a standby in another zone, which takes over by itself"""
    backup_days: int = Field(7, ge=1, le=35)
    """any moment of so many days can be restored"""
    deletion_protection: bool = True
    rotation_days: int = Field(30, ge=0, le=1_000)
    """the master user's password changes after so many days, with 0 never; only the migration reads it"""


class _MySql(StageSection):
    port: Port
    name: DatabaseName = "hongyan"
    ca_file: str = Field("/opt/rds-ca.pem", pattern=r"^(/.*)?$", title="an absolute path, or empty for no TLS")
    """certificate authorities, where the function sees them: those of RDS and RDS Proxy come with the functions"""
    secret_key_arn: KeyArn | None = None
    """the key of the database's secret, if it is not Secrets Manager's own"""
    hold_open_before: Moment | None = None
    """after a restore: open records that nothing has written since [wait for you](operations.md#restoring-a-backup)"""


class NewMySql(_MySql):
    new: NewInstance
    name: str = Field("hongyan", pattern=_NEW_NAME, title=f"a letter and up to {_LONGEST_NAME - 1} more, digits or _")
    """without `database.new` it may be longer, if functions log in by the secret, and begin with a digit"""


class ExistingMySql(_MySql):
    endpoint: Host
    """instead: where an existing MySQL listens"""
    secret_arn: SecretArn
    """JSON with username and password"""


class ExistingRds(ExistingMySql):
    iam_resource_id: str = Field(
        pattern=r"^(db|cluster)-[A-Z0-9]+$", title="RDS's resource id, such as db-ABCDEFGHIJKL01234"
    )
    """of an RDS with IAM logins on: functions are then [users of their own](operations.md#the-databases-users)"""
    # Tokens are signed for RDS's own name.
    endpoint: str = Field(pattern=_NAMED_BY_RDS, title="RDS's own name, ending in .amazonaws.com, with iam_resource_id")
    name: str = Field(
        "hongyan", pattern=rf"^[A-Za-z0-9_]{{1,{_LONGEST_NAME}}}$", title=f"up to {_LONGEST_NAME} letters, digits, _"
    )


def rds_region(endpoint: str) -> str | None:
    """The region in a name given by RDS; None for any other name."""
    found = _REGION_OF_RDS.search(endpoint)
    return (found[1] or found[2]) if found else None


Database = Annotated[
    Annotated[NewMySql, Tag("with new")]
    | Annotated[ExistingMySql, Tag("with endpoint")]
    | Annotated[ExistingRds, Tag("with iam_resource_id")],
    chosen_by("new", "iam_resource_id", "endpoint"),
    Field(title="an object with new or endpoint"),
]
