"""MySQL: a new one, an RDS where functions are users of their own, or any other by its address and secret."""

import re
from typing import Annotated

from pydantic import Field

from cdk.settings.choice import Choice
from cdk.settings.section import InstanceClass, SecretArn, StageSection, rule
from delivery.aws.sections import LONGEST_USER_PREFIX, DatabaseName, Host, Port

#: the only port on which RDS Proxy listens for MySQL
PROXY_PORT = 3306
#: a function's user is named after the database, with a dash below between
_LONGEST_NAME = LONGEST_USER_PREFIX - 1
_NAMED_BY_RDS = re.compile(r".+\.rds\.([a-z0-9-]+\.)?amazonaws\.com(\.cn)?")


class NewInstance(StageSection):
    instance_class: InstanceClass = "t4g.small"
    """`database.new: {}` makes an RDS for MySQL with what these keys say; AWS asks for 300 to 1000 MiB of memory for
    IAM authentication alone"""
    storage_gb: int = Field(20, ge=20, le=16_384)
    multi_az: bool = False
    """a standby in another zone, which takes over by itself"""
    backup_days: int = Field(7, ge=1, le=35)
    """any moment of so many days can be restored"""
    deletion_protection: bool = True
    """RDS refuses to delete it"""
    rotation_days: int = Field(30, ge=1, le=1_000)
    """the master user's password changes after so many days; only the migration reads it"""
    proxy: bool = False
    """RDS Proxy before it: functions share connections, and a failover is shorter; worth its price with many senders at
    once"""


class _MySql(StageSection):
    port: Port
    name: DatabaseName = "hongyan"
    ca_file: str = Field("/opt/rds-ca.pem", pattern=r"^(/.*)?$", title="an absolute path, or empty for no TLS")
    """certificate authorities, where the function sees them: those of RDS and RDS Proxy come with the functions; empty
    is no TLS, for the local stage only"""


class _WithUsers(_MySql):
    """Each function logs in by IAM as its own user. Only the migration uses the secret."""

    @rule("name")
    @staticmethod
    def _leaves_room_for_users(name: str) -> str | None:
        says = f"should be at most {_LONGEST_NAME} characters: the functions' users are named after it"
        return says if len(name) > _LONGEST_NAME else None


class NewMySql(_WithUsers):
    new: NewInstance

    @rule("name")
    @staticmethod
    def _begins_with_a_letter(name: str) -> str | None:
        return None if name[0].isalpha() else f"should begin with a letter with database.new, is {name}"


class ExistingMySql(_MySql):
    endpoint: Host
    """instead: where an existing MySQL listens"""
    secret_arn: SecretArn
    """of an existing MySQL: the secret's value is JSON with username and password"""


class ExistingRds(ExistingMySql, _WithUsers):
    iam_resource_id: str = Field(
        pattern=r"^(db|cluster)-[A-Z0-9]+$", title="RDS's resource id, such as db-ABCDEFGHIJKL01234"
    )
    """of an existing RDS with IAM authentication on: functions are
    [users of their own](operations.md#the-databases-users) by IAM, and the secret is the migration's alone; without it
    all functions log in by the secret"""

    @rule("endpoint")
    @staticmethod
    def _named_by_rds(endpoint: str) -> str | None:
        needed = "RDS's own name, ending in .amazonaws.com, with database.iam_resource_id: tokens are signed for it"
        return None if _NAMED_BY_RDS.fullmatch(endpoint) else f"should be {needed}; is {endpoint}"


Database = Annotated[
    NewMySql | ExistingRds | ExistingMySql, Choice(new=NewMySql, iam_resource_id=ExistingRds, endpoint=ExistingMySql)
]
