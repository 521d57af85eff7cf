"""What each function reads from its environment: one frozen class per function."""

from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo

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

QueueUrl = Annotated[str, Field(pattern=r"^https?://", title="the URL of the send queue")]


def _or_own_user(secret_arn: str, info: ValidationInfo) -> str:
    """One way to log in, and not two."""
    if bool(secret_arn) == bool(info.data.get("database_user")):
        raise ValueError
    return secret_arn


def _needed_by_own_user(ca_file: str, info: ValidationInfo) -> str:
    """A token travels in clear inside the connection: without TLS anybody on the way could use it."""
    if info.data.get("database_user") and not ca_file:
        raise ValueError
    return ca_file


class WithDatabase(FunctionSettings):
    """What every function with a database needs: where that is."""

    database_host: Host
    database_port: Port
    database_name: DatabaseName


class MigrateSettings(WithDatabase):
    """As the user that the secret names, who may do everything in the database."""

    database_secret_arn: str = Field(min_length=1, title="the ARN of a secret whose JSON has username and password")
    #: PEM file of the authorities that sign the server's certificate; empty means no TLS, for one machine only.
    database_ca_file: str = ""
    #: The functions' own users are made, each of this and its stage's word; empty is none.
    database_user_prefix: str = Field(
        "",
        pattern=rf"^([A-Za-z0-9_]{{1,{LONGEST_USER_PREFIX}}})?$",
        title=f"up to {LONGEST_USER_PREFIX} letters, digits and underscores, or empty",
    )


class ServingSettings(WithDatabase):
    """As a user of the function's own by a token of IAM's, or as the user that a secret names."""

    database_user: str = Field("", title="the name of the function's own MySQL user, or empty")
    database_secret_arn: Annotated[str, AfterValidator(_or_own_user)] = Field(
        "",
        validate_default=True,
        title="the ARN of a secret whose JSON has username and password, or else empty with DATABASE_USER",
    )
    database_ca_file: Annotated[str, AfterValidator(_needed_by_own_user)] = Field(
        "",
        validate_default=True,
        title="the PEM file of the authorities that sign the server's certificate: DATABASE_USER needs TLS",
    )


class IngestSettings(ServingSettings):
    send_queue_url: QueueUrl
    handoff_deadline_seconds: HandoffDeadline
    retry: Attempts
    allowed_url_prefixes: UrlPrefixes


class ClaimSettings(ServingSettings):
    send_queue_url: QueueUrl
    lease_seconds: Lease
    claim: ClaimTuning


class SendSettings(ServingSettings):
    lease_seconds: Lease
    send: SendTuning
    retry: Backoff
    data_key_arn: str = Field(min_length=1, title="the ARN of the KMS key that wraps the data keys")
    webhook_origins: WebhookOrigins
    action_base_url: ActionBaseUrl
    message: MessageTexts


class TopicSettings(FunctionSettings):
    """What is asked of the topic, and of which cluster."""

    kafka_cluster_arn: ClusterArn
    kafka_topic: TopicName
    topic_partitions: TopicPartitions
    #: 0 leaves it to the brokers
    topic_replication: int = Field(0, ge=0)
    topic_retention_hours: TopicRetentionHours
