"""Settings that functions and stages share: each type and section with its default, its bounds and its meaning.

`delivery.aws.settings` reads them from a function's environment, `cdk.settings` from cdk.json, so none stands twice.
`title` says what a value should be and ends each complaint; `description` is what docs/settings.md says of it.
"""

from typing import Annotated

from pydantic import Field

from delivery.aws.variables import Section

MINUTE, HOUR, DAY = 60, 3600, 86_400
PORT_PATTERN = r"(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
#: MySQL's user names have up to 32 characters: this, and the function's word
LONGEST_USER_PREFIX = 26

Host = Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+$", title="a host name or address, without scheme or port")]
Port = Annotated[int, Field(default=3306, ge=1, le=65_535)]
DatabaseName = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_]{1,64}$", title="a database name: letters, digits and underscores")
]
ClusterArn = Annotated[
    str,
    Field(pattern=r"^arn:aws[a-z-]*:kafka:[^:]+:[0-9]{12}:cluster/[^/]+/[^/]+$", title="the ARN of an MSK cluster"),
]
TopicName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,249}$", title="a topic name")]
TopicPartitions = Annotated[int, Field(ge=1, le=1_000)]
TopicRetentionHours = Annotated[int, Field(ge=1, le=8_760)]
Line = Annotated[str, Field(pattern=r"^[^\r\n]{1,100}$", title="one line of up to 100 characters")]
Origin = Annotated[
    str,
    Field(
        pattern=rf"^https?://[A-Za-z0-9.-]+(:{PORT_PATTERN})?$",
        title="an origin such as https://www.feishu.cn, without a path",
    ),
]
SitePath = Annotated[str, Field(pattern=r"^/[^,\s/][^,\s]*$", title="a site path such as /assistant/")]

Lease = Annotated[int, Field(default=10 * MINUTE, ge=1, le=DAY, description="an attempt owns its record for this long")]
HandoffDeadline = Annotated[
    int,
    Field(
        default=5 * MINUTE, ge=1, le=DAY, description="after this long a new record is due even if its pointer got lost"
    ),
]
UrlPrefixes = Annotated[
    tuple[SitePath, ...],
    Field(default=("/assistant/",), min_length=1, strict=False, description="what a target URL may begin with"),
]
WebhookOrigins = Annotated[
    tuple[Origin, ...],
    Field(
        default=("https://www.feishu.cn", "https://feishu.cn"),
        min_length=1,
        strict=False,
        description="where a channel's webhook URL may point",
    ),
]
ActionBaseUrl = Annotated[
    str,
    Field(
        pattern=r"^https?://[^\s/]+(/\S*[^\s/])?$",
        title="an http(s) URL that does not end in a slash",
        description="the target URL is appended to it: where the message's button leads",
    ),
]


class Attempts(Section):
    max_attempts: int = Field(5, ge=1, le=100, serialization_alias="MAX_ATTEMPTS", description="then a record is dead")


class Backoff(Section):
    base_seconds: float = Field(
        5 * MINUTE, ge=0.1, le=DAY, description="the wait after the first failure, doubled after each further one"
    )
    cap_seconds: float = Field(30 * MINUTE, ge=0.1, le=DAY, description="the longest wait")
    jitter: float = Field(0.1, ge=0, le=1, description="up to this share is added")


class ClaimTuning(Section):
    batch_size: int = Field(500, ge=1, le=5_000, description="rows leased by one statement")
    max_queued_pointers: int = Field(
        20_000,
        ge=1,
        le=1_000_000,
        serialization_alias="MAX_QUEUED_POINTERS",
        description="with this many pointers in the queue, due rows wait in MySQL",
    )


class SendTuning(Section):
    concurrency: int = Field(32, ge=1, le=500, description="how many Feishu calls one function makes at once")
    feishu_timeout_seconds: float = Field(
        5,
        ge=0.1,
        le=60,
        serialization_alias="FEISHU_TIMEOUT_SECONDS",
        description="how long one Feishu call may take",
    )


class MessageTexts(Section):
    event: Line = Field("smartflow.schedule_adjustment_ready", description="what Feishu's flow is told")
    title: Line = Field("SmartFlow 日程调整建议", description="the heading of the message")
    action_text: Line = Field("查看并确认调整", description="the words on the button")
