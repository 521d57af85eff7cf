"""A user's channels, and which of them a message goes by."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from delivery.domain.outcome import ErrorCode, NoRecipient, PermanentFailure

_SHOWN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A user's settings for one way of reaching Feishu, with readable credentials that its `repr` hides."""

    user_id: int
    #: The way that these settings belong to (column `user_notification_channels.channel`).
    channel: str
    enabled: bool
    webhook_url: str
    bearer_token: str = ""

    def __repr__(self) -> str:
        return f"Channel(user_id={self.user_id}, channel={self.channel!r}, enabled={self.enabled})"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableChannel:
    """A channel whose stored credentials do not decrypt. Its user must save it again; no other user is affected."""

    user_id: int
    channel: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A channel whose credentials cannot be read now, for example because KMS is down. The channel itself is fine."""

    user_id: int
    channel: str
    #: The service's own code and words.
    reason: str


StoredChannel = Channel | UnreadableChannel | Held


def choose(channels: Collection[StoredChannel], ways: Sequence[str]) -> Channel | NoRecipient | PermanentFailure | Held:
    """The user's first usable channel in the order of `ways`. If none is usable, the first existing one says why."""
    found = [_usable(channel) for way in ways for channel in channels if channel.channel == way]
    for channel in found:
        if isinstance(channel, Channel):
            return channel
    return found[0] if found else NoRecipient(reason="the user has no Feishu channel")


def _usable(channel: StoredChannel) -> Channel | NoRecipient | PermanentFailure | Held:
    match channel:
        case UnreadableChannel(reason=reason):
            return PermanentFailure(code=ErrorCode.CREDENTIAL_UNREADABLE, reason=reason)
        case Channel(enabled=False):
            return NoRecipient(reason="the user's Feishu channel is disabled")
        case Channel(webhook_url=""):
            return NoRecipient(reason="the user's Feishu channel has no webhook URL")
        case _:
            return channel


def mask(credential: str) -> str:
    """`abcd...wxyz`. Eight characters or fewer are hidden completely."""
    if len(credential) <= 2 * _SHOWN:
        return "****"
    return f"{credential[:_SHOWN]}...{credential[-_SHOWN:]}"
