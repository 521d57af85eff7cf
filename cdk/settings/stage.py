"""One stage's settings: the `stages` of cdk.json in, validated frozen values out. docs/settings.md has every key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from cdk.settings.consistency import VISIBILITY_FACTOR, check
from cdk.settings.kafka_sections import Kafka
from cdk.settings.reading import SettingsError, read
from cdk.settings.rules import ListOf, OneOf, Text, Whole
from cdk.settings.sections import (
    DAY,
    MINUTE,
    PORT,
    Alarms,
    Claim,
    Database,
    Ingest,
    Message,
    Migrate,
    Network,
    Queue,
    Retry,
    Send,
)

LOCAL = "local"
PROD = "prod"
DEFAULT_STAGE = "dev"
#: of the retentions that CloudWatch Logs knows
LOG_RETENTION_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 180, 365, 731)


_Name = Text(r"[a-z][a-z0-9-]{0,19}", "a lower-case name of up to 20 letters, digits and dashes")
_Region = Text(r"[a-z]{2}(-[a-z]+)+-[0-9]", "a region such as ap-southeast-1")
_Account = Text(r"[0-9]{12}", "a string of 12 digits")
_Url = Text(r"https?://[^\s/]+(/\S*[^\s/])?", "an http(s) URL that does not end in a slash")
_Origin = Text(rf"https?://[A-Za-z0-9.-]+(:{PORT})?", "an origin such as https://www.feishu.cn, without a path")
_SitePath = Text(r"/[^,\s/][^,\s]*", "a site path such as /assistant/")


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSettings:
    name: Annotated[str, _Name]
    #: without these two the stacks go wherever the caller's credentials point
    region: Annotated[str | None, _Region] = None
    account: Annotated[str | None, _Account] = None
    architecture: Annotated[str, OneOf(["arm64", "x86_64"])] = "arm64"
    python: Annotated[str, OneOf(["3.11", "3.12", "3.13", "3.14"])] = "3.13"
    #: for whom the dependencies layer is built; "this-machine" is for the local stage, which runs it here
    wheels: Annotated[str, OneOf(["lambda", "this-machine"])] = "lambda"
    network: Network = field(default_factory=Network)
    database: Database
    kafka: Kafka
    ingest: Ingest = field(default_factory=Ingest)
    claim: Claim = field(default_factory=Claim)
    send: Send = field(default_factory=Send)
    migrate: Migrate = field(default_factory=Migrate)
    queue: Queue = field(default_factory=Queue)
    #: an attempt owns its record for this long
    lease_seconds: Annotated[int, Whole(1, DAY)] = 10 * MINUTE
    #: a new record whose pointer got lost is due again after this long
    handoff_deadline_seconds: Annotated[int, Whole(1, DAY)] = 5 * MINUTE
    retry: Retry = field(default_factory=Retry)
    message: Message = field(default_factory=Message)
    #: the target URL is appended to it: where the message's button leads
    action_base_url: Annotated[str, _Url]
    #: where a channel's webhook URL may point
    webhook_origins: Annotated[tuple[str, ...], ListOf(_Origin, least=1)] = (
        "https://www.feishu.cn",
        "https://feishu.cn",
    )
    #: what a target URL may begin with
    allowed_url_prefixes: Annotated[tuple[str, ...], ListOf(_SitePath, least=1)] = ("/assistant/",)
    log_retention_days: Annotated[int, OneOf(LOG_RETENTION_DAYS)] = 30
    #: what becomes of the stage's own data when its stacks are deleted
    removal_policy: Annotated[Literal["retain", "destroy"], OneOf(["retain", "destroy"])] = "retain"
    alarms: Alarms = field(default_factory=Alarms)

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
        return self.network.new or self.database.new is not None or self.kafka.new is not None

    @property
    def visibility_seconds(self) -> int:
        """How long a received queue message is hidden from other senders."""
        given = self.queue.visibility_seconds
        return VISIBILITY_FACTOR * self.send.timeout_seconds if given is None else given


def stage_settings(stages: object, name: str) -> StageSettings:
    """The stage called `name`, from the `stages` of cdk.json; raises a `SettingsError` that names the key."""
    if not isinstance(stages, Mapping) or name not in stages:
        known = ", ".join(sorted(map(str, stages))) if isinstance(stages, Mapping) else "none"
        raise SettingsError(f'cdk.json, "stages": has no stage {name}; there are: {known}')
    try:
        settings = read(StageSettings, {**_mapping(stages[name]), "name": name})
        check(settings)
    except SettingsError as error:
        raise SettingsError(f"cdk.json, stage {name}: {error}") from None
    return settings


def _mapping(value: object) -> Mapping[str, object]:
    if isinstance(value, Mapping):
        return value
    raise SettingsError("should be an object of settings")
