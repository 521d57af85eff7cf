"""What all ways of reaching Feishu share: they post JSON, keep what was said both ways, and classify the answer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from time import monotonic
from typing import Any, Protocol

from delivery.deadline import Permit
from delivery.domain.channel import Channel
from delivery.domain.outcome import Exchange, Outcome
from delivery.domain.record import Attempt
from delivery.feishu.answer import Answer
from delivery.feishu.classify import classify
from delivery.feishu.transport import Transport


class Way(Protocol):
    """One way of reaching Feishu."""

    def problem(self, channel: Channel) -> str | None:
        """Which rule of the way a channel breaks, or None. It repeats no credential."""

    def shown(self, channel: Channel) -> str:
        """Where the channel leads, masked."""

    def deliver(self, attempt: Attempt, channel: Channel, permit: Permit) -> Outcome:
        """Calls Feishu once; whatever happens is an outcome. A channel that breaks the way's rules is not called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """What the message says beside its summary."""

    event: str
    title: str
    action_text: str
    #: The site that target URLs belong to, without a trailing slash.
    action_base_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call, as its way wants it made and remembered."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    document: Mapping[str, Any]
    #: Where the call goes, masked: it is stored with the document.
    shown: Mapping[str, str]
    #: Masked wherever the answer repeats them: credentials, and what only its user may read.
    hidden: tuple[str, ...]
    #: The message's id if Feishu accepts it.
    message_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Feishu:
    """What a way is built from."""

    transport: Transport
    #: The stage's name: two stages that send to one channel are two senders.
    stage: str
    wording: Wording
    #: The origins that webhook URLs may have.
    webhook_origins: tuple[str, ...]
    now: Callable[[], datetime]

    def idempotency_key(self, attempt: Attempt) -> str:
        """Made of what the notification is, so that all its attempts have one; a row's number may be given anew."""
        notification = f"{self.stage}\n{attempt.channel}\n{attempt.dedupe_key}"
        return hashlib.sha256(notification.encode()).hexdigest()[:32]

    def post(self, call: Call, permit: Permit) -> Outcome:
        began = monotonic()
        answer = self.transport.post(call.url, document=call.document, headers=call.headers, permit=permit)
        request, latency_ms = {**call.shown, **call.document}, round((monotonic() - began) * 1000)
        if not isinstance(answer, Answer):
            return replace(answer, exchange=Exchange(request=request, latency_ms=latency_ms))
        answer = replace(answer, hidden=call.hidden)
        exchange = Exchange(
            request=request,
            response=answer.as_stored(),
            http_status=answer.status,
            provider_code=answer.provider_code,
            latency_ms=latency_ms,
        )
        return classify(answer, message_id=call.message_id, exchange=exchange)
