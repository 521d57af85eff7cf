"""What the migration reads."""

from typing import Annotated, Literal

from pydantic import Field

from delivery.aws.settings.database import WithDatabase
from delivery.aws.settings.types import LONGEST_USER_PREFIX, Moment

Word = Annotated[str, Field(pattern=r"^[a-z]+$")]


class MigrateSettings(WithDatabase):
    """The migration logs in as the user that the secret names, who may do everything in the database."""

    database_secret_arn: str = Field(min_length=1)
    #: PEM file of the authorities that sign the server's certificate; empty means no TLS, for one machine only.
    database_ca_file: str = ""
    #: Each function's own user is named by this prefix and the function's word. Empty makes no users.
    database_user_prefix: str = Field("", pattern=rf"^[A-Za-z0-9_]{{0,{LONGEST_USER_PREFIX}}}$")
    #: The functions of this deployment. Users of other functions are removed.
    functions: tuple[Word, ...] = Field(min_length=1, strict=False)
    #: Open records not written since this moment are held until an operator decides. Empty holds none.
    hold_open_before: Moment | Literal[""] = ""
