"""The types of settings that functions and stages share, each with its default and its bounds.

`delivery.aws.settings` reads them from a function's environment, `cdk.settings` from cdk.json, so none stands twice.
`title` is what cdk.json's complaints and docs/settings.md say that a value should be.
"""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from hongyan_producer.contract.target_url import URL_PREFIXES

MINUTE, HOUR, DAY = 60, 3600, 86_400
PORT_PATTERN = r"(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
#: MySQL's user names have up to 32 characters: this prefix and the function's word.
LONGEST_USER_PREFIX = 26
_CLUSTER = r"^arn:aws[a-z-]*:kafka:[^:]+:[0-9]{12}:cluster/[^/]+/[^/]+$"
_MOMENT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"
_ORIGIN = rf"^https?://[A-Za-z0-9.-]+(:{PORT_PATTERN})?$"
_BASE_URL = r"^https?://[^\s/]+(/\S*[^\s/])?$"


def _on_the_calendar(moment: str) -> str:
    """A pattern cannot tell that February has no 30th."""
    datetime.fromisoformat(moment)
    return moment


Moment = Annotated[
    str,
    Field(pattern=_MOMENT, title="a moment in UTC such as 2026-11-25T03:07:00Z"),
    AfterValidator(_on_the_calendar),
]
Host = Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+$", title="a host name or address, without scheme or port")]
Port = Annotated[int, Field(default=3306, ge=1, le=65_535)]
DatabaseName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,64}$", title="up to 64 letters, digits and underscores")]
BrokerAddress = Annotated[str, Field(pattern=rf"^[A-Za-z0-9.-]+:{PORT_PATTERN}$", title="host:port")]
ClusterArn = Annotated[str, Field(pattern=_CLUSTER, title="the ARN of an MSK cluster")]
TopicName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,249}$", title="a topic name")]
TopicPartitions = Annotated[int, Field(ge=1, le=1_000)]
TopicRetentionHours = Annotated[int, Field(ge=1, le=8_760)]
Line = Annotated[str, Field(pattern=r"^[^\r\n]{1,100}$", title="one line of up to 100 characters")]
Origin = Annotated[str, Field(pattern=_ORIGIN, title="an origin such as https://www.feishu.cn, without a path")]
SitePath = Annotated[str, Field(pattern=r"^/[^,\s/][^,\s]*$", title="a site path such as /assistant/")]
Lease = Annotated[int, Field(default=10 * MINUTE, ge=1, le=DAY)]
HandoffDeadline = Annotated[int, Field(default=5 * MINUTE, ge=1, le=DAY)]
UrlPrefixes = Annotated[tuple[SitePath, ...], Field(default=URL_PREFIXES, min_length=1, strict=False)]
WebhookOrigins = Annotated[
    tuple[Origin, ...], Field(default=("https://www.feishu.cn", "https://feishu.cn"), min_length=1, strict=False)
]
QueueUrl = Annotated[str, Field(pattern=r"^https?://")]
ActionBaseUrl = Annotated[str, Field(pattern=_BASE_URL, title="an http(s) URL that does not end in a slash")]
