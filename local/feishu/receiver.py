"""Receives a call: picks the way that its path belongs to, judges it by that way's rules, applies a fault, logs it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from local.feishu import answers
from local.feishu.answers import Answer
from local.feishu.calls import Call, CallLog
from local.feishu.faults import Fault, FaultBook, FaultKind
from local.feishu.server.requests import Request
from local.feishu.ways import way_of
from local.feishu.ways.flow_webhook import PATH
from local.feishu.ways.way import About, Way, Webhook, document_of

#: The default target of a redirect. The log shows whether anybody followed it.
REDIRECTED_KEY = "redirected"


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    answer: Answer
    fault: Fault | None = None
    #: counts the calls for this message from 1; 0 when Feishu's rules refused the call
    attempt: int = 0

    @property
    def accepted(self) -> bool:
        return self.attempt > 0 and (self.fault is None or self.fault.accepted)

    @property
    def silent(self) -> bool:
        return self.fault is not None and self.fault.silent


@dataclass(slots=True, kw_only=True)
class Receiver:
    """All webhooks of the simulated Feishu; a key that nobody has set up is an enabled webhook without a token."""

    faults: FaultBook = field(default_factory=FaultBook)
    log: CallLog = field(default_factory=CallLog)
    webhooks: dict[str, Webhook] = field(default_factory=dict)
    now: Callable[[], datetime] = _utc_now

    def receive(self, request: Request, *, idle_for: float = 0.0) -> Reply:
        """Rules come before faults, so a fault never hides a mistake of the caller.

        `idle_for` is how long the connection was silent before this request, in seconds.
        """
        received_at = self.now()
        way, key = way_of(request.path)
        if way is None:
            reply, about, matched = Reply(answer=answers.NO_SUCH_PAGE), About(), None
        else:
            webhook = self.webhooks.get(key, Webhook())
            about = way.about(document_of(request.body) or {})
            matched = way.credentials_match(request, webhook)
            reply = self._judge(request, way, webhook, about, key=key, idle_for=idle_for)
        self.log.add(_logged(request, reply, about, key=key or None, matched=matched, received_at=received_at))
        return reply

    def _judge(self, request: Request, way: Way, webhook: Webhook, about: About, *, key: str, idle_for: float) -> Reply:
        if refused := way.refusal(request, webhook):
            return Reply(answer=refused)
        attempt = self.log.next_attempt(about.message)
        fault = self.faults.met_by(user_id=about.user_id, key=key, attempt=attempt, idle_for=idle_for)
        return Reply(answer=answer_under(fault, success=way.success), fault=fault, attempt=attempt)


_ANSWERS: Mapping[FaultKind, Callable[[Fault], Answer]] = {
    FaultKind.HTTP_429: lambda fault: answers.too_many_requests(fault.retry_after, fault.retry_header),
    FaultKind.RATE_LIMITED: lambda _fault: answers.business(11232),
    FaultKind.CODE: lambda fault: answers.business(fault.code, fault.msg, status=fault.status or 200),
    FaultKind.HTTP_5XX: lambda fault: answers.http_error(fault.status or 503),
    FaultKind.HTTP_STATUS: lambda fault: answers.http_error(fault.status or 503),
    FaultKind.NO_JSON: lambda _fault: answers.NO_JSON,
    FaultKind.ENDLESS_BODY: lambda _fault: answers.ENDLESS,
    FaultKind.REDIRECT: lambda fault: answers.redirect(fault.location or PATH + REDIRECTED_KEY),
}


def answer_under(fault: Fault | None, *, success: Answer) -> Answer:
    """Feishu's answer under a fault. For a fault that only slows or drops the answer, this is the answer without it."""
    if fault is None:
        return success
    if fault.kind is FaultKind.FALSE_ENCODING:
        return answers.falsely_encoded(success, fault.encoding)
    return _ANSWERS[fault.kind](fault) if fault.kind in _ANSWERS else success


def _logged(
    request: Request, reply: Reply, about: About, *, key: str | None, matched: bool | None, received_at: datetime
) -> Call:
    return Call(
        received_at=received_at,
        method=request.method,
        path=request.path,
        key=key,
        notification_id=about.notification_id,
        user_id=about.user_id,
        attempt=reply.attempt,
        bearer_matched=matched,
        client_token=request.headers.get("client-token"),
        status=None if reply.silent else reply.answer.status,
        code=None if reply.silent else reply.answer.code,
        fault=reply.fault.kind.value if reply.fault else None,
        accepted=reply.accepted,
        request_body=request.body,
        answer_body=b"" if reply.silent else reply.answer.body,
    )
