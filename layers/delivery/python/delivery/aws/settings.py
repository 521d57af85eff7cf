"""What each function reads from its environment: one frozen class per function."""

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from delivery.aws.sections import (
    LONGEST_USER_PREFIX,
    ActionBaseUrl,
    Attempts,
    Backoff,
    ClaimTuning,
    ClusterArn,
    DatabaseName,
    HandoffDeadline,
    Host,
    Lease,
    MessageTexts,
    Port,
    SendTuning,
    TopicName,
    TopicPartitions,
    TopicRetentionHours,
    UrlPrefixes,
    WebhookOrigins,
)
from delivery.aws.variables import FunctionSettings

QueueUrl = Annotated[str, Field(pattern=r"^https?://")]


class WithDatabase(FunctionSettings):
    """What every function with a database needs: where that is."""

    database_host: Host
    database_port: Port
    database_name: DatabaseName


class MigrateSettings(WithDatabase):
    """As the user that the secret names, who may do everything in the database."""

    database_secret_arn: str = Field(min_length=1)
    #: PEM file of the authorities that sign the server's certificate; empty means no TLS, for one machine only.
    database_ca_file: str = ""
    #: The functions' own users are made, each of this and its stage's word; empty is none.
    database_user_prefix: str = Field("", pattern=rf"^[A-Za-z0-9_]{{0,{LONGEST_USER_PREFIX}}}$")


class ServingSettings(WithDatabase):
    """As a user of the function's own by a token of IAM's, or as the user that a secret names."""

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
        """A token travels in clear inside the connection: without TLS anybody on the way could use it."""
        if info.data.get("database_user") and not ca_file:
            raise PydanticCustomError("tls", "DATABASE_USER needs TLS")
        return ca_file


class IngestSettings(ServingSettings, Attempts):
    send_queue_url: QueueUrl
    handoff_deadline_seconds: HandoffDeadline
    allowed_url_prefixes: UrlPrefixes


class ClaimSettings(ServingSettings, ClaimTuning):
    send_queue_url: QueueUrl
    lease_seconds: Lease


class SendSettings(ServingSettings, SendTuning, Backoff, MessageTexts):
    lease_seconds: Lease
    #: of the KMS key that wraps the data keys
    data_key_arn: str = Field(min_length=1)
    webhook_origins: WebhookOrigins
    action_base_url: ActionBaseUrl


class TopicSettings(FunctionSettings):
    """What is asked of the topic, and of which cluster."""

    kafka_cluster_arn: ClusterArn
    kafka_topic: TopicName
    topic_partitions: TopicPartitions
    #: 0 leaves it to the brokers
    topic_replication: int = Field(0, ge=0)
    topic_retention_hours: TopicRetentionHours
