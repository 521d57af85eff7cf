"""The Flow webhook trigger: one POST of JSON to the user's own URL (DESIGN section 8)."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING, Any

import urllib3
from urllib3.exceptions import HTTPError, NewConnectionError, ProtocolError
from urllib3.exceptions import TimeoutError as UrllibTimeout

from delivery.domain.channel import FEISHU_ORIGINS, mask_webhook, webhook_problem
from delivery.domain.outcome import ErrorCode, Exchange, Outcome, PermanentFailure, TemporaryFailure
from delivery.domain.text import message_text
from delivery.feishu.classify import Answer, classify
from delivery.feishu.connections import POOLS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime, timedelta

    from delivery.domain.channel import Channel
    from delivery.domain.record import Attempt

_BODY_LIMIT = 64 * 1024
_CHUNK = 16 * 1024
_STORED_BODY = 4_000
_SECRET_LENGTH = 8  # a shorter "credential" could be any part of an answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """What the message says beside its summary."""

    event: str = "smartflow.schedule_adjustment_ready"
    title: str = "SmartFlow 日程调整建议"
    action_text: str = "查看并确认调整"
    #: The site that target URLs belong to, without a trailing slash.
    action_base_url: str


def open_connections(concurrency: int) -> urllib3.PoolManager:
    """Kept-alive connections for so many calls at once. Nothing is retried or followed: the record decides that."""
    connections = urllib3.PoolManager(num_pools=8, maxsize=concurrency, block=False, retries=False)
    connections.pool_classes_by_scheme = POOLS
    return connections


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowWebhook:
    """Delivers attempts to Flow webhook triggers."""

    connections: urllib3.PoolManager
    wording: Wording
    patience: timedelta
    now: Callable[[], datetime]
    origins: tuple[str, ...] = FEISHU_ORIGINS

    def deliver(self, attempt: Attempt, channel: Channel) -> Outcome:
        """Calls Feishu once. Whatever happens is an outcome; a webhook that is not Feishu's is not called at all."""
        if problem := webhook_problem(channel.webhook_url, self.origins):
            return PermanentFailure(code=ErrorCode.INVALID_URL, reason=problem)
        request = self.request(attempt)
        shown = {"webhook": mask_webhook(channel.webhook_url), **request}
        began = monotonic()
        try:
            answer = _without_credentials(self._post(channel, request), channel)
        except (HTTPError, OSError, ValueError) as error:
            return _failed_call(error, Exchange(request=shown, latency_ms=_since(began)))
        exchange = Exchange(request=shown, response=_shown(answer), http_status=answer.status, latency_ms=_since(began))
        message_id = f"feishu_webhook_{attempt.record_id}_{attempt.number}"  # Flow gives none of its own
        return classify(answer, message_id=message_id, exchange=exchange)

    def request(self, attempt: Attempt) -> dict[str, Any]:
        """The JSON that the user's flow receives."""
        text = message_text(
            summary=attempt.summary_text, fallback=attempt.fallback_text, target_url=attempt.target_url
        ).text
        document = {
            "event": self.wording.event,
            "version": "1",
            "notification_id": attempt.record_id,
            "user_id": attempt.user_id,
            "preview_id": attempt.preview_id,
            "trigger_id": attempt.trigger_id,
            "trigger_type": attempt.trigger_type,
            "target_type": attempt.target_type,
            "target_id": attempt.target_id,
            "message": {
                "title": self.wording.title,
                "summary": text,
                "action_text": self.wording.action_text,
                "action_url": self.wording.action_base_url + attempt.target_url,
            },
            "sent_at": self.now().isoformat(timespec="seconds"),
        }
        return {**document, "trace_id": attempt.trace_id} if attempt.trace_id else document

    def _post(self, channel: Channel, document: Mapping[str, Any]) -> Answer:
        headers = {"Content-Type": "application/json; charset=utf-8"}
        if channel.bearer_token:
            headers["Authorization"] = f"Bearer {channel.bearer_token}"
        response = self.connections.request(
            "POST",
            channel.webhook_url,
            body=json.dumps(document, ensure_ascii=False).encode(),
            headers=headers,
            timeout=urllib3.Timeout(total=self.patience.total_seconds()),
            redirect=False,
            preload_content=False,
        )
        return _read(response)


def _read(response: urllib3.BaseHTTPResponse) -> Answer:
    """Reads up to the limit; a connection with bytes left over is not used again."""
    body = bytearray()
    for chunk in response.stream(_CHUNK):
        body += chunk
        if len(body) > _BODY_LIMIT:
            break
    cut = len(body) > _BODY_LIMIT
    if cut:
        response.close()
    else:
        response.release_conn()
    headers = {name.lower(): value for name, value in response.headers.items()}
    if not body and not headers:
        raise ProtocolError("the answer ended in its head")  # to http.client it is a whole one, without a body
    return Answer(status=response.status, headers=headers, body=bytes(body[:_BODY_LIMIT]), cut=cut)


def _without_credentials(answer: Answer, channel: Channel) -> Answer:
    """What is stored and logged of an answer must not show the credentials, should it echo them."""
    body = answer.body
    for credential in (channel.bearer_token, channel.webhook_url.rpartition("/")[2]):
        if len(credential) >= _SECRET_LENGTH:
            body = body.replace(credential.encode(), b"****")
    return replace(answer, body=body)


def _failed_call(error: Exception, exchange: Exchange) -> Outcome:
    """No answer. The words of the error are left out where they could carry the URL, which is a credential."""
    # To urllib3 a refused connection is a kind of time-out.
    if isinstance(error, UrllibTimeout | TimeoutError) and not isinstance(error, NewConnectionError):
        reason = "no answer in time; the message may have arrived"
        return TemporaryFailure(code=ErrorCode.TIMEOUT, reason=reason, exchange=exchange)
    if isinstance(error, ValueError):  # a token that no header can carry
        return PermanentFailure(code=ErrorCode.INVALID_URL, reason="the channel cannot be called", exchange=exchange)
    return TemporaryFailure(code=ErrorCode.NETWORK, reason=f"no answer: {type(error).__name__}", exchange=exchange)


def _shown(answer: Answer) -> dict[str, Any]:
    return {"status_code": answer.status, "body": answer.body[:_STORED_BODY].decode("utf-8", "replace")}


def _since(began: float) -> int:
    return round((monotonic() - began) * 1000)
