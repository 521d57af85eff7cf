"""Settings: one frozen class per function, from the environment; each complaint is a line that names the variable."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo

if TYPE_CHECKING:
    from collections.abc import Mapping


class SettingsError(Exception):
    """Settings are missing or malformed; the text has a line for each."""


def _listed(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _site(value: str) -> str:
    return value.rstrip("/")


def _whole(low: int, high: int) -> Any:  # noqa: ANN401 - what Field returns
    return Field(ge=low, le=high, description=f"a whole number from {low} to {high}")


# A description says what the value should be: it ends the complaint about one that is not.
Filled = Annotated[str, Field(min_length=1, description="a text that is not empty")]
Seconds = Annotated[
    float, Field(gt=0, le=86_400, allow_inf_nan=False, description="a number of seconds above 0, at most 86400")
]
Origins = Annotated[
    tuple[Annotated[str, Field(pattern=r"^https?://[^/]+$")], ...],
    BeforeValidator(_listed),
    Field(min_length=1, description="one or more origins, such as https://www.feishu.cn, separated by commas"),
]
Prefixes = Annotated[
    tuple[Annotated[str, Field(pattern=r"^/[^/]")], ...],
    BeforeValidator(_listed),
    Field(min_length=1, description="one or more site paths, such as /assistant/, separated by commas"),
]
Site = Annotated[
    str, Field(pattern=r"^https?://[^/]+", description="a URL, such as https://app.example"), AfterValidator(_site)
]
QueueUrl = Annotated[str, Field(pattern=r"^https?://", description="the URL of the send queue")]


def _or_own_user(secret_arn: str, info: ValidationInfo) -> str:
    """One way in, and not two."""
    if bool(secret_arn) == bool(info.data.get("database_user")):
        raise ValueError
    return secret_arn


def _needed_by_own_user(ca_file: str, info: ValidationInfo) -> str:
    """A token travels in clear inside the connection: without TLS anybody on the way could use it."""
    if info.data.get("database_user") and not ca_file:
        raise ValueError
    return ca_file


class FromEnvironment(BaseModel):
    """A field is the variable of the same name in upper case."""

    # Built on first use: a cold start pays for the one class that its function reads.
    model_config = ConfigDict(frozen=True, extra="ignore", str_strip_whitespace=True, defer_build=True)

    @classmethod
    def names(cls) -> frozenset[str]:
        """The variables that this class reads."""
        return frozenset(name.upper() for name in cls.model_fields)

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None) -> Self:
        """The settings in this environment, the process's own by default.

        Raises:
            SettingsError: with one line for each variable that is missing or malformed.
        """
        given = os.environ if environment is None else environment
        try:
            return cls.model_validate({name: given[name.upper()] for name in cls.model_fields if name.upper() in given})
        except ValidationError as error:
            wrong = dict.fromkeys(str(detail["loc"][0]) for detail in error.errors())
            raise SettingsError("\n".join(cls._complaint(name, given) for name in wrong)) from None

    @classmethod
    def _complaint(cls, name: str, given: Mapping[str, str]) -> str:
        """Without the value, which may be a secret put into the wrong variable."""
        missing = "is missing; it " if name.upper() not in given else ""
        return f"{name.upper()}: {missing}should be {cls.model_fields[name].description}"


class Settings(FromEnvironment):
    """What every function with a database needs: where that is."""

    database_host: Filled = Field(description="the host name of MySQL")
    database_port: Annotated[int, _whole(1, 65_535)] = 3306
    database_name: Filled = Field(description="the name of the database")


class MigrateSettings(Settings):
    """As the user that the secret names, who may do everything in the database."""

    database_secret_arn: Filled = Field(description="the ARN of a secret whose JSON has username and password")
    #: PEM file of the authorities that sign the server's certificate; empty means no TLS, for one machine only.
    database_ca_file: str = ""
    #: The functions' own users are made, each of this and its stage's word; empty is none.
    database_user_prefix: Annotated[
        str, Field(pattern=r"^([A-Za-z0-9_]{1,26})?$", description="up to 26 letters, digits and underscores, or empty")
    ] = ""


class ServingSettings(Settings):
    """As a user of the function's own by a token of IAM's, or as the user that a secret names."""

    database_user: str = Field("", description="the name of the function's own MySQL user, or empty")
    database_secret_arn: Annotated[str, AfterValidator(_or_own_user)] = Field(
        "",
        validate_default=True,
        description="the ARN of a secret whose JSON has username and password, or else empty with DATABASE_USER",
    )
    database_ca_file: Annotated[str, AfterValidator(_needed_by_own_user)] = Field(
        "",
        validate_default=True,
        description="the PEM file of the authorities that sign the server's certificate: DATABASE_USER needs TLS",
    )


class IngestSettings(ServingSettings):
    send_queue_url: QueueUrl
    handoff_deadline_seconds: Seconds = 300
    max_attempts: Annotated[int, _whole(1, 100)] = 5
    allowed_url_prefixes: Prefixes = ("/assistant/",)


class ClaimSettings(ServingSettings):
    send_queue_url: QueueUrl
    lease_seconds: Seconds = 600
    report_queue_url: QueueUrl
    claim_batch_size: Annotated[int, _whole(1, 5_000)] = 500
    max_queued_pointers: Annotated[int, _whole(1, 10_000_000)] = 20_000


class SendSettings(ServingSettings):
    stage: Filled = Field(description="the stage's name")
    lease_seconds: Seconds = 600
    report_queue_url: QueueUrl
    send_concurrency: Annotated[int, _whole(1, 500)] = 32
    retry_base_seconds: Seconds = 300
    retry_cap_seconds: Seconds = 1800
    retry_jitter: Annotated[float, Field(ge=0, le=1, description="a share from 0 to 1")] = 0.1
    data_key_arn: Filled = Field(description="the ARN of the KMS key that wraps the data keys")
    webhook_origins: Origins = ("https://www.feishu.cn", "https://feishu.cn")
    feishu_timeout_seconds: Annotated[
        float, Field(gt=0, le=60, description="a number of seconds above 0, at most 60")
    ] = 5
    action_base_url: Site
    message_event: Filled = "smartflow.schedule_adjustment_ready"
    message_title: Filled = "SmartFlow 日程调整建议"
    message_action_text: Filled = "查看并确认调整"


class TopicSettings(FromEnvironment):
    """What is asked of the topic, and of which cluster."""

    kafka_cluster_arn: Annotated[
        str, Field(pattern=r"^arn:[^:]+:kafka:[^:]+:[^:]*:cluster/", description="the ARN of an MSK cluster")
    ]
    kafka_topic: Filled
    topic_partitions: Annotated[int, _whole(1, 10_000)]
    #: 0 leaves it to the brokers
    topic_replication: Annotated[int, _whole(0, 10)] = 0
    topic_retention_hours: Annotated[int, _whole(1, 1_000_000)]
