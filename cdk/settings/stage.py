"""One stage's settings, as cdk.json gives them; docs/settings.md has every key."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, Field, ValidationError

from cdk.settings.complaints import SettingsError, complaints, section_of
from cdk.settings.database import PROXY_PORT, Database, NewMySql
from cdk.settings.functions import Alarms, Claim, Ingest, Migrate, Queue, Retry, Send
from cdk.settings.kafka import Kafka, NewKafka, OwnBrokers, ProvisionedMsk
from cdk.settings.network import LEAST_ZONES, MOST_ZONES, TWO_ZONES, Network, NewVpc, NoVpc, zones
from cdk.settings.section import StageSection, Whole, rule
from delivery.aws.sections import ActionBaseUrl, HandoffDeadline, Lease, MessageTexts, UrlPrefixes, WebhookOrigins

LOCAL = "local"
PROD = "prod"
DEFAULT_STAGE = "dev"
#: AWS's advice: a batch must not become visible again before Lambda itself has given up on it
_VISIBILITY_FACTOR = 6
#: the oldest runtime lacks the glibc 2.28 that the Kafka client's wheels need
_TOO_OLD_FOR_KAFKA = "3.11"
_NAME = r"^[a-z][a-z0-9-]{0,19}$"
_REGION = r"^[a-z]{2}(-[a-z]+)+-[0-9]$"


class StageSettings(StageSection):
    name: str = Field(pattern=_NAME, title="a lower-case name of up to 20 letters, digits and dashes")
    region: Annotated[str, Field(pattern=_REGION, title="a region such as ap-southeast-1")] | None = None
    """without region and account the stacks go wherever the caller's credentials point"""
    account: Annotated[str, Field(pattern=r"^[0-9]{12}$", title="a string of 12 digits")] | None = None
    """the same"""
    architecture: Literal["arm64", "x86_64"] = "arm64"
    """the functions' processor; arm64 is the cheaper one"""
    python: Literal["3.11", "3.12", "3.13", "3.14"] = "3.13"
    """the functions' runtime"""
    wheels: Literal["lambda", "this-machine"] = "lambda"
    """for whom the dependencies layer is built; `this-machine` is for the local stage, which runs it here"""
    network: Network
    database: Database
    kafka: Kafka
    ingest: Ingest
    claim: Claim
    send: Send
    migrate: Migrate
    lease_seconds: Lease
    queue: Queue
    handoff_deadline_seconds: HandoffDeadline
    retry: Retry
    message: MessageTexts
    action_base_url: ActionBaseUrl
    webhook_origins: WebhookOrigins
    allowed_url_prefixes: UrlPrefixes
    log_retention_days: Annotated[Literal[1, 3, 5, 7, 14, 30, 60, 90, 180, 365, 731], Whole] = 30
    """how long logs are kept: the functions', MySQL's, and of what a new VPC refused"""
    removal_policy: Literal["retain", "destroy"] = "retain"
    """what `make destroy` leaves: with retain, a snapshot of a new MySQL, a new Kafka cluster as it is, and the keys
    that open their data; with destroy, nothing of these"""
    alarms: Alarms

    @rule("wheels")
    @staticmethod
    def _built_for_lambda(wheels: str, name: str) -> str | None:
        says = f"should be lambda, is {wheels}, which is for the local stage only"
        return says if name != LOCAL and wheels != "lambda" else None

    @rule("network", "database", "kafka")
    @staticmethod
    def _made_on_aws(section: Network | Database | Kafka, name: str) -> str | None:
        """The local stage has no VPC, and a MySQL and a Kafka of its own."""
        keys = [key for key in ("new", "iam_resource_id", "pollers") if getattr(section, key, None)]
        return f".{keys[0]}: is for AWS; leave it out in the local stage" if keys and name == LOCAL else None

    @rule("database")
    @staticmethod
    def _by_tls(database: Database, name: str) -> str | None:
        says = ".ca_file: should be the path of a certificate bundle; empty (no TLS) is for the local stage only"
        return says if name != LOCAL and not database.ca_file else None

    @rule("database")
    @staticmethod
    def _database_where_it_can_be(database: Database, network: Network) -> str | None:
        if not isinstance(database, NewMySql):
            return None
        if database.new.proxy and database.port != PROXY_PORT:
            return f".port: should be {PROXY_PORT} with database.new.proxy, is {database.port}"
        return None if zones(network) >= LEAST_ZONES else f".new: needs {TWO_ZONES}"

    @rule("kafka")
    @staticmethod
    def _kafka_has_a_client(kafka: Kafka, python: str) -> str | None:
        old = isinstance(kafka, NewKafka) and python == _TOO_OLD_FOR_KAFKA
        return f".new: needs python 3.12 or newer, whose system its client runs on; python is {python}" if old else None

    @rule("kafka")
    @staticmethod
    def _kafka_where_it_can_be(kafka: Kafka, network: Network) -> str | None:
        if not isinstance(kafka, NewKafka):
            return None
        number_of_zones, new = zones(network), kafka.new
        if number_of_zones < LEAST_ZONES:
            return f".new: needs {TWO_ZONES}"
        if not isinstance(new, ProvisionedMsk):
            return None
        if number_of_zones > MOST_ZONES:
            return f".new: needs two or three subnets, each in a zone of its own; there are {number_of_zones}"
        number = new.brokers.per_zone * number_of_zones
        says = f".new.replication: should be at most the number of brokers ({number}), is {new.replication}"
        return says if new.replication and new.replication > number else None

    @rule("kafka")
    @staticmethod
    def _brokers_know_the_functions(kafka: Kafka, network: Network, name: str) -> str | None:
        open_to_all = isinstance(kafka, OwnBrokers) and kafka.auth_secret_arn is None and isinstance(network, NoVpc)
        says = ".auth_secret_arn: is missing; brokers outside of a VPC (network) need a secret to log in with"
        return says if open_to_all and name != LOCAL else None

    @rule("lease_seconds")
    @staticmethod
    def _outlives_a_sender(lease: int, send: Send) -> str | None:
        says = f"should be more than send.timeout_seconds ({send.timeout_seconds}), is {lease}"
        return says if lease <= send.timeout_seconds else None

    @rule("queue")
    @staticmethod
    def _keeps_pointers(queue: Queue, lease_seconds: int) -> str | None:
        says = f".retention_seconds: should be more than lease_seconds ({lease_seconds}), is {queue.retention_seconds}"
        return says if queue.retention_seconds <= lease_seconds else None

    @rule("queue")
    @staticmethod
    def _hides_messages(queue: Queue, send: Send) -> str | None:
        least, given = _VISIBILITY_FACTOR * send.timeout_seconds, queue.visibility_seconds
        says = f".visibility_seconds: should be at least 6 x send.timeout_seconds ({least}), is {given}"
        return says if given is not None and given < least else None

    @rule("action_base_url", "webhook_origins")
    @staticmethod
    def _by_https(urls: str | tuple[str, ...], name: str) -> str | None:
        plain = [url for url in ([urls] if isinstance(urls, str) else urls) if not url.startswith("https://")]
        return f"should begin with https://, is {plain[0]}" if plain and name != LOCAL else None

    @rule("removal_policy")
    @staticmethod
    def _rds_agrees(policy: str, database: Database) -> str | None:
        held = policy == "destroy" and isinstance(database, NewMySql) and database.new.deletion_protection
        return "should be retain, or database.new.deletion_protection false: RDS would refuse" if held else None

    @rule("database", "kafka", "alarms")
    @staticmethod
    def _in_the_region(section: BaseModel, region: str | None) -> str | None:
        arns = {key: value for key, value in section if isinstance(value, str) and value.startswith("arn:")}
        elsewhere = [key for key, arn in arns.items() if region and arn.split(":")[3] != region]
        return (
            f".{elsewhere[0]}: should be in {region}, the stage's region, is {arns[elsewhere[0]]}"
            if elsewhere
            else None
        )

    @property
    def is_local(self) -> bool:
        return self.name == LOCAL

    @property
    def is_prod(self) -> bool:
        return self.name == PROD

    @property
    def keeps_data(self) -> bool:
        """Whether MySQL leaves a snapshot when its stack goes, and whatever opens the data stays."""
        return self.removal_policy == "retain"

    @property
    def has_data_stack(self) -> bool:
        return any(isinstance(it, NewVpc | NewMySql | NewKafka) for it in (self.network, self.database, self.kafka))

    @property
    def visibility_seconds(self) -> int:
        """How long a received queue message is hidden from other senders."""
        given = self.queue.visibility_seconds
        return _VISIBILITY_FACTOR * self.send.timeout_seconds if given is None else given


def stage_settings(stages: object, name: str) -> StageSettings:
    """The stage called `name`, from the `stages` of cdk.json; raises a `SettingsError` with a line for each mistake."""
    if not isinstance(stages, Mapping) or name not in stages:
        known = ", ".join(sorted(map(str, stages))) if isinstance(stages, Mapping) else "none"
        raise SettingsError(f'cdk.json, "stages": has no stage {name}; there are: {known}')
    if not isinstance(stages[name], Mapping):
        raise SettingsError(f"cdk.json, stage {name}: should be an object of settings")
    sections = {key: dict[str, object]() for key, field in StageSettings.model_fields.items() if section_of(field)}
    try:
        return StageSettings.model_validate({**sections, **stages[name], "name": name})
    except ValidationError as error:
        lines = [f"cdk.json, stage {name}: {line}" for line in complaints(error, StageSettings)]
        raise SettingsError(*lines) from None
