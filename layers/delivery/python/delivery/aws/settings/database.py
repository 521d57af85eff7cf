"""Where the database is, and as whom a function logs in."""

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from delivery.aws.settings.types import DatabaseName, Host, Port
from delivery.aws.variables import FunctionSettings


class WithDatabase(FunctionSettings):
    """Every function with a database needs its address."""

    database_host: Host
    database_port: Port
    database_name: DatabaseName


class ServingSettings(WithDatabase):
    """A function logs in as its own user with an IAM token, or as the user that a secret names."""

    database_user: str = ""
    database_secret_arn: str = Field("", validate_default=True)
    database_ca_file: str = Field("", validate_default=True)

    @field_validator("database_secret_arn")
    @classmethod
    def _or_own_user(cls, secret_arn: str, info: ValidationInfo) -> str:
        if bool(secret_arn) == bool(info.data.get("database_user")):
            raise PydanticCustomError("login", "Give either it or DATABASE_USER")
        return secret_arn

    @field_validator("database_ca_file")
    @classmethod
    def _needed_by_own_user(cls, ca_file: str, info: ValidationInfo) -> str:
        """MySQL's client sends the token in clear, so without TLS anybody on the network could use it."""
        if info.data.get("database_user") and not ca_file:
            raise PydanticCustomError("tls", "DATABASE_USER needs TLS")
        return ca_file
