"""One stage's settings, as cdk.json gives them; docs/settings.md has every key."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator

from cdk.error import SettingsError
from cdk.settings.complaints import complaints
from cdk.settings.rules import OUR_NAME, VISIBILITY_FACTOR, contradictions
from cdk.settings.sections.api import Api
from cdk.settings.sections.database import Database, NewMySql
from cdk.settings.sections.functions import Alarms, Claim, Ingest, Migrate, Prune, Queue, Relay, Retry, Send
from cdk.settings.sections.kafka import Kafka, NewKafka
from cdk.settings.sections.network import Network, NewVpc
from cdk.settings.sections.section import EMPTY, KeyArn, StageSection, Whole
from cdk.settings.sections.tags import Tags
from delivery.aws.settings.send import MessageTexts
from delivery.aws.settings.types import ActionBaseUrl, HandoffDeadline, Lease, UrlPrefixes, WebhookOrigins

LOCAL = "local"
PROD = "prod"
DEFAULT_STAGE = "dev"
#: RDS refuses identifiers with two dashes in a row or one at the end ("Naming constraints in Amazon RDS").
_NAME = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
_PREFIX = r"^[a-z]([a-z0-9]|-[a-z0-9])*$"
_PREFIX_TITLE = "a name of up to 20 lower-case letters, digits and single dashes"
_POLICY = r"^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/[A-Za-z0-9+=,.@_/-]+$"
_REGION = r"^[a-z]{2}(-[a-z]+)+-[0-9]$"


class StageSettings(StageSection):
    name: str = Field(pattern=_NAME, max_length=20, title="up to 20 lower-case letters and digits, with single dashes")
    region: Annotated[str, Field(pattern=_REGION, title="a region such as ap-southeast-1")] | None = None
    """without region and account the stacks go wherever the caller's credentials point"""
    account: Annotated[str, Field(pattern=r"^[0-9]{12}$", title="a string of 12 digits")] | None = None
    name_prefix: str = Field(OUR_NAME, pattern=_PREFIX, max_length=20, title=_PREFIX_TITLE)
    """stacks, alarms, dashboard, new MySQL and Kafka are called this, a dash and the stage; another means new ones"""
    tags: Tags = EMPTY
    """put on everything that takes tags, in addition to ours (`service` and `stage`)"""
    permissions_boundary_arn: Annotated[str, Field(pattern=_POLICY, title="the ARN of an IAM policy")] | None = None
    """put on every role, including those of the CDK's own functions"""
    architecture: Literal["arm64", "x86_64"] = "arm64"
    """the functions' processor; arm64 is the cheaper one"""
    python: Literal["3.11", "3.12", "3.13", "3.14"] = "3.13"
    """the functions' runtime"""
    wheels: Literal["lambda", "this-machine"] = "lambda"
    """the Python that the dependencies layer is built for; `this-machine` is for the local stage, which runs it here"""
    network: Network | None = None
    data_key_arn: KeyArn | None = None
    """an existing KMS key for users' credentials instead of a new one: [moving](operations.md#the-data-key) needs it"""
    old_data_key_arns: Annotated[tuple[KeyArn, ...], Field(strict=False)] = ()
    """keys under which credentials in the database may still be encrypted; they are only read with"""
    database: Database
    kafka: Kafka
    ingest: Ingest = EMPTY
    claim: Claim = EMPTY
    send: Send = EMPTY
    relay: Relay | None = None
    """without it nothing brings [the outbox](operations.md#the-relay) to Kafka, and producers publish themselves"""
    prune: Prune = EMPTY
    migrate: Migrate = EMPTY
    lease_seconds: Lease
    """an attempt owns its record for this long"""
    queue: Queue = EMPTY
    handoff_deadline_seconds: HandoffDeadline
    """after this long a new record is due even if its pointer got lost"""
    retry: Retry = EMPTY
    message: MessageTexts = EMPTY
    action_base_url: ActionBaseUrl
    """required: the target URL is appended to it: where the message's button leads"""
    webhook_origins: WebhookOrigins
    """where a channel's webhook URL may point"""
    allowed_url_prefixes: UrlPrefixes
    """what a target URL may begin with"""
    log_retention_days: Annotated[Literal[1, 3, 5, 7, 14, 30, 60, 90, 180, 365, 731], Whole] = 30
    """how long logs are kept: the functions', MySQL's, and of what a new VPC refused"""
    log_key_arn: KeyArn | None = None
    """encrypts all logs; without it each stack makes a key ([what it must allow](operations.md#keys-of-your-own))"""
    log_class: Literal["STANDARD", "INFREQUENT_ACCESS"] = "STANDARD"
    """the class of logs that are seldom read: a new VPC's refused packets and a new Kafka's brokers"""
    removal_policy: Literal["retain", "destroy"] = "retain"
    """with retain, `make destroy` leaves a snapshot of a new MySQL, a new Kafka cluster, and the keys to their data"""
    api: Api | None = None
    """without it there is no [API](api.md), and channels are saved by hand"""
    alarms: Alarms | None = None

    @field_validator("kafka")
    @classmethod
    def _has_a_group(cls, kafka: Kafka, info: ValidationInfo) -> Kafka:
        """Gives each stage its own group, because each of an account's Kafka event sources needs one."""
        return (
            kafka
            if kafka.group
            else kafka.model_copy(update={"group": f"{info.data.get('name_prefix')}-{info.data.get('name')}"})
        )

    @field_validator("*")
    @classmethod
    def _is_valid(cls, value: object, info: ValidationInfo) -> object:
        """Passes a valid setting to the validation's caller, who then applies the rules to it."""
        valid: dict[str | None, object] = info.context or {}
        valid[info.field_name] = value
        return value

    @property
    def full_name(self) -> str:
        """The prefix of all names, so that stages in one account do not collide."""
        return f"{self.name_prefix}-{self.name}"

    @property
    def is_local(self) -> bool:
        return self.name == LOCAL

    @property
    def is_prod(self) -> bool:
        return self.name == PROD

    @property
    def keeps_data(self) -> bool:
        """Whether MySQL leaves a snapshot when its stack is deleted, and the keys to the data stay."""
        return self.removal_policy == "retain"

    @property
    def is_protected(self) -> bool:
        """Whether anything in the data stack is protected from deletion once it has worked."""
        mysql = isinstance(self.database, NewMySql) and (self.database.new.deletion_protection or self.keeps_data)
        return self.has_data_stack and (self.is_prod or mysql)

    @property
    def has_data_stack(self) -> bool:
        return any(isinstance(it, NewVpc | NewMySql | NewKafka) for it in (self.network, self.database, self.kafka))

    @property
    def kafka_source(self) -> str:
        """The identity of the event source: cluster, topic and group."""
        return f"{self.kafka.where} {self.kafka.topic} {self.kafka.group}"

    @property
    def visibility_seconds(self) -> int:
        """How long a received message is hidden from other senders."""
        given = self.queue.visibility_seconds
        return VISIBILITY_FACTOR * self.send.timeout_seconds if given is None else given


def stage_settings(stages: object, name: str) -> StageSettings:
    """The stage `name` from the `stages` of cdk.json. Raises a `SettingsError` with a line for each mistake."""
    if not isinstance(stages, Mapping) or name not in stages:
        known = ", ".join(sorted(map(str, stages))) if isinstance(stages, Mapping) else "none"
        raise SettingsError(f'cdk.json, "stages": has no stage {name}; there are: {known}')
    if not isinstance(stages[name], Mapping):
        raise SettingsError(f"cdk.json, stage {name}: should be an object of settings")
    valid = {"is_local": name == LOCAL}
    try:
        stage = StageSettings.model_validate({**stages[name], "name": name}, context=valid)
    except ValidationError as error:
        raise _refused(name, *complaints(error, StageSettings), *contradictions(valid)) from None
    if wrong := [*contradictions(valid)]:
        raise _refused(name, *wrong)
    return stage


def _refused(name: str, *lines: str) -> SettingsError:
    return SettingsError(*(f"cdk.json, stage {name}: {line}" for line in lines))
