"""What the migration reads."""

from typing import Annotated, Literal

from pydantic import Field

from delivery.aws.settings.database import WithDatabase
from delivery.aws.settings.types import LONGEST_USER_PREFIX, Moment

Word = Annotated[str, Field(pattern=r"^[a-z]+$")]


class MigrateSettings(WithDatabase):
    """As the user that the secret names, who may do everything in the database."""

    database_secret_arn: str = Field(min_length=1)
    #: PEM file of the authorities that sign the server's certificate; empty means no TLS, for one machine only.
    database_ca_file: str = ""
    #: The functions' own users are made, each of this and its function's word; empty is none.
    database_user_prefix: str = Field("", pattern=rf"^[A-Za-z0-9_]{{0,{LONGEST_USER_PREFIX}}}$")
    #: The functions that there are; another one's user is removed.
    functions: tuple[Word, ...] = Field(min_length=1, strict=False)
    #: Open records that nothing has written since are held until an operator decides; empty holds none.
    hold_open_before: Moment | Literal[""] = ""
