"""The routes by which users and backends see, save, delete and test a channel, answer for answer as before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools.event_handler import Response
from pydantic import BaseModel, ConfigDict, StrictBool, StrictStr

from delivery.aws.api.answers import answered, missing_param, moment, wrong_param
from delivery.aws.telemetry import logger
from delivery.channels import TEST_TRACE_ID, ChannelRefused, Tested, UserChannels, outcome_name
from delivery.domain.channel import Channel
from delivery.domain.outcome import NoRecipient
from delivery.domain.saved_channel import LastTest, SavedChannel
from delivery.feishu.flow_webhook import FLOW_WEBHOOK

ROOT = "/api/v1/notification"
#: The last segment of a channel's path → its way.
WAYS: Mapping[str, str] = {"feishu": FLOW_WEBHOOK}
_LONGEST_CREDENTIAL = 4_096


class ChannelBody(BaseModel):
    """A channel's settings. Other fields are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    webhook_url: StrictStr | None = None
    enabled: StrictBool | None = None
    auth_type: StrictStr | None = None
    bearer_token: StrictStr | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRoutes:
    channels: Callable[[], UserChannels]

    def show(self, user_id: int, way: str) -> Response[str]:
        return answered(self._shown(self.channels().show(user_id, way), way))

    def all_of(self, user_id: int) -> Response[str]:
        """Every channel of a user, as an operator sees it."""
        found = self.channels().of_user(user_id)
        return answered({"items": [self._shown(saved, way) for way, saved in sorted(found.items())]})

    def save(self, user_id: int, way: str, body: ChannelBody) -> Response[str]:
        channel = _channel(user_id, way, body)
        try:
            saved = self.channels().save(channel)
        except ChannelRefused as refused:
            logger.info("a channel was refused", extra={"user_id": user_id, "why": str(refused)})
            raise wrong_param() from None
        return answered(self._shown(saved, way))

    def remove(self, user_id: int, way: str) -> Response[str]:
        self.channels().remove(user_id, way)
        return answered({"deleted": True})

    def test(self, user_id: int, way: str) -> Response[str]:
        channels = self.channels()
        tested = channels.test(user_id, way)
        return answered({"channel": self._shown(channels.show(user_id, way), way), **_test_shown(tested)})

    def _shown(self, saved: SavedChannel | None, way: str) -> Mapping[str, Any]:
        if saved is None:
            nothing = {"enabled": False, "configured": False, "auth_type": "none", "has_bearer_token": False}
            return {"channel": way, **nothing}
        return {
            "channel": way,
            "enabled": saved.enabled,
            "configured": True,
            **_if_any(webhook_url_mask=self.channels().where(saved)),
            "auth_type": "bearer" if saved.has_bearer_token else "none",
            "has_bearer_token": saved.has_bearer_token,
            **_last_test(saved.last_test),
        }


def _last_test(last: LastTest | None) -> Mapping[str, str]:
    if last is None:
        return {}
    return _if_any(last_test_status=last.status, last_test_error=last.error, last_test_at=moment(last.at))


def _if_any(**texts: str) -> Mapping[str, str]:
    return {name: text for name, text in texts.items() if text}


def _channel(user_id: int, way: str, body: ChannelBody) -> Channel:
    if not body.webhook_url:
        raise wrong_param()
    url, token = body.webhook_url.strip(), (body.bearer_token or "").strip()
    bearer = (body.auth_type or "").strip().lower() == "bearer"
    if not url or (bearer and not token):
        raise missing_param()
    if bearer and not _is_header_value(token):
        raise wrong_param()
    return Channel(
        user_id=user_id,
        channel=way,
        enabled=body.enabled is not False,
        webhook_url=url,
        bearer_token=token if bearer else "",
    )


def _is_header_value(token: str) -> bool:
    """The token is sent in a header: other characters would end the line, or every attempt would be refused."""
    return token.isascii() and token.isprintable() and len(token) <= _LONGEST_CREDENTIAL


def _test_shown(tested: Tested) -> Mapping[str, Any]:
    return {
        "status": "success" if tested.succeeded else "failed",
        "outcome": outcome_name(tested.outcome),
        **_if_any(message=tested.message),
        "trace_id": TEST_TRACE_ID,
        "sent_at": moment(tested.at),
        "skipped": isinstance(tested.outcome, NoRecipient),
        "provider": "feishu",
    }
