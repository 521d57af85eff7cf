"""What users do with their channels: they look at one, save it, delete it, and send a test message over it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import uuid4

from delivery.deadline import Permit, seconds_left
from delivery.domain.channel import Channel, Held, UnreadableChannel
from delivery.domain.outcome import (
    Delivered,
    ErrorCode,
    NoRecipient,
    NotStarted,
    Outcome,
    PermanentFailure,
    TemporaryFailure,
)
from delivery.domain.record import CHANNEL_FEISHU, Attempt
from delivery.domain.saved_channel import LastTest, SavedChannel
from delivery.feishu.way import Way

TEST_TRACE_ID = "trace_feishu_webhook_test"
_TO_WRITE_SECONDS = 1
_NOT_CONFIGURED = "用户未配置飞书 Webhook 触发器"
_NOT_ENABLED = "用户未启用飞书 Webhook 触发器"
_TEST_TEXT = "这是一条 SmartFlow 飞书 Webhook 测试消息。"


class SavedChannelStore(Protocol):
    def find(self, user_id: int, way: str) -> SavedChannel | None: ...

    def of_user(self, user_id: int) -> Mapping[str, SavedChannel]: ...

    def delete(self, user_id: int, way: str) -> bool: ...

    def write_test(self, user_id: int, way: str, test: LastTest) -> bool: ...


class ChannelWriter(Protocol):
    def save(self, channel: Channel, *, now: datetime) -> None: ...


class ChannelRefused(ValueError):  # noqa: N818 - it says what happened
    """The settings break a rule of their way. The message names the rule and repeats no credential."""


class KeysAway(Exception):  # noqa: N818 - it says what is the matter
    """The channel cannot be read now. The message is that of the service that has its key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """The result of a test message."""

    outcome: Outcome
    at: datetime

    @property
    def succeeded(self) -> bool:
        return isinstance(self.outcome, Delivered)

    @property
    def message(self) -> str:
        """Why it failed; empty if it succeeded."""
        return "" if isinstance(self.outcome, Delivered) else self.outcome.reason


@dataclass(frozen=True, slots=True, kw_only=True)
class UserChannels:
    """A user's channels, each for one way of reaching Feishu."""

    saved: SavedChannelStore
    writer: ChannelWriter
    ways: Mapping[str, Way]
    now: Callable[[], datetime]

    def show(self, user_id: int, way: str) -> SavedChannel | None:
        return self.saved.find(user_id, way)

    def of_user(self, user_id: int) -> Mapping[str, SavedChannel]:
        """Way → channel."""
        return self.saved.of_user(user_id)

    def where(self, saved: SavedChannel) -> str:
        """Where a saved channel leads, masked.

        Raises:
            KeysAway: the credentials cannot be read now.
        """
        match saved.settings:
            case Channel() as channel:
                return self.ways[channel.channel].shown(channel)
            case Held(reason=reason):
                raise KeysAway(reason)
            case UnreadableChannel():
                return "****"

    def save(self, channel: Channel) -> SavedChannel | None:
        """Writes the settings with sealed credentials, and returns the channel as it is stored.

        Raises:
            ChannelRefused: they break a rule of their way.
        """
        if problem := self.ways[channel.channel].problem(channel):
            raise ChannelRefused(problem)
        self.writer.save(channel, now=self.now())
        return self.saved.find(channel.user_id, channel.channel)

    def remove(self, user_id: int, way: str) -> None:
        """Deletes the channel; removing one that does not exist is no error."""
        self.saved.delete(user_id, way)

    def test(self, user_id: int, way: str) -> Tested:
        """Sends a real message just as a delivery would, and stores the result with the channel.

        Raises:
            KeysAway: the credentials cannot be read now.
        """
        outcome = self._test(user_id, way, self.saved.find(user_id, way))
        tested = Tested(outcome=outcome, at=self.now())
        status = "success" if tested.succeeded else "failed"
        self.saved.write_test(user_id, way, LastTest(status=status, error=tested.message, at=tested.at))
        return tested

    def _test(self, user_id: int, way: str, saved: SavedChannel | None) -> Outcome:
        match saved.settings if saved else None:
            case None:
                return NoRecipient(reason=_NOT_CONFIGURED)
            case Held(reason=reason):
                raise KeysAway(reason)
            case UnreadableChannel(reason=reason):
                return PermanentFailure(code=ErrorCode.CREDENTIAL_UNREADABLE, reason=reason)
            case Channel(enabled=False):
                return NoRecipient(reason=_NOT_ENABLED)
            case Channel() as channel:
                # The remaining time is for writing the result.
                permit = Permit(self.now().timestamp() + seconds_left() - _TO_WRITE_SECONDS)
                return self.ways[way].deliver(_test_attempt(user_id, self.now()), channel, permit)


def outcome_name(outcome: Outcome) -> str:
    """The outcome's name in the Go service's API."""
    match outcome:
        case Delivered():
            return "success"
        case TemporaryFailure() | NotStarted():
            return "temporary_fail"
        case PermanentFailure():
            return "permanent_fail"
        case NoRecipient():
            return "skipped"


def _test_attempt(user_id: int, now: datetime) -> Attempt:
    """Each test has its own idempotency key, so two in a row send two messages."""
    return Attempt(
        record_id=0,
        number=1,
        max_attempts=1,
        user_id=user_id,
        channel=CHANNEL_FEISHU,
        dedupe_key=f"test:{uuid4()}",
        preview_id="asp_test_webhook",
        trigger_id="ast_test_webhook",
        trigger_type="manual_test",
        target_type="notification_channel",
        target_id=0,
        target_url="/assistant/00000000-0000-0000-0000-000000000000",
        summary_text=_TEST_TEXT,
        fallback_text="",
        trace_id=TEST_TRACE_ID,
        requested_at=now,
        started_at=now,
    )
