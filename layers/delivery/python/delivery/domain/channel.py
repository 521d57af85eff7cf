"""How a user is reached: the settings of a channel, which webhook URLs are allowed, and how a credential is shown."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

CHANNEL_FEISHU_WEBHOOK = "feishu_webhook"
"""The settings row (column `user_notification_channels.channel`) that a record of channel `feishu` is sent by."""

WEBHOOK_PATH = "/flow/api/trigger-webhook/"
FEISHU_ORIGINS = ("https://www.feishu.cn", "https://feishu.cn")
_KEY = re.compile(r"[A-Za-z0-9_-]{1,200}", re.ASCII)
_SHOWN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A user's channel with its credentials readable; its `repr` shows neither."""

    user_id: int
    channel: str
    enabled: bool
    webhook_url: str
    bearer_token: str = ""

    def __repr__(self) -> str:
        return f"Channel(user_id={self.user_id}, channel={self.channel!r}, enabled={self.enabled})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A channel whose stored credentials do not decrypt: to be mended by hand, and no reason to hold up others."""

    user_id: int
    channel: str
    reason: str


def webhook_problem(url: str, origins: tuple[str, ...] = FEISHU_ORIGINS) -> str | None:
    """Why this URL is no Flow webhook trigger, or None if it is. The reason never repeats the URL: it is a credential.

    Source: Feishu help centre, "Flow: webhook trigger" (`https://www.feishu.cn/flow/api/trigger-webhook/{key}`).
    """
    try:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc.lower()}"
    except ValueError:
        return "webhook_url is no URL"
    if origin not in origins:
        return f"webhook_url should begin with {' or '.join(origins)}"
    if not parts.path.startswith(WEBHOOK_PATH) or not _KEY.fullmatch(parts.path.removeprefix(WEBHOOK_PATH)):
        return f"webhook_url should have the path {WEBHOOK_PATH}{{key}}"
    if parts.query or parts.fragment or url != urlunsplit(parts):
        return "webhook_url should have nothing after the key"
    return None


def mask_webhook(url: str) -> str:
    """The URL with its key cut to the first and last four characters, and no query. Any text can be masked."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "****"
    folder = WEBHOOK_PATH if parts.path.startswith(WEBHOOK_PATH) else "/"
    shown = folder + mask(parts.path.removeprefix(folder))
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], shown, "", ""))


def mask(credential: str) -> str:
    """`abcd...wxyz`; of eight characters or fewer nothing is shown."""
    if len(credential) <= 2 * _SHOWN:
        return "****"
    return f"{credential[:_SHOWN]}...{credential[-_SHOWN:]}"
