"""The Flow webhook trigger: a request in; Feishu's answer, the fault that it met, and a line in the log out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from local.feishu import answers
from local.feishu.answers import Answer
from local.feishu.calls import Call, CallLog
from local.feishu.faults import Fault, FaultBook, FaultKind
from local.feishu.rules import PATH, Webhook, bearer_matches, document_of, key_of, refusal
from local.feishu.wire import Request

#: A redirect leads here unless it is told otherwise: who follows it is found in the log.
REDIRECTED_KEY = "redirected"


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    answer: Answer
    fault: Fault | None = None
    #: the how-manieth call for its notification; 0 when Feishu's rules refused it
    attempt: int = 0

    @property
    def accepted(self) -> bool:
        return self.attempt > 0 and (self.fault is None or self.fault.accepted)

    @property
    def silent(self) -> bool:
        return self.fault is not None and self.fault.kind in (FaultKind.CUT, FaultKind.ACCEPTED_THEN_CUT)


@dataclass(slots=True, kw_only=True)
class Trigger:
    """All webhooks of the simulated Feishu; a key that nobody has set up is a webhook without a token."""

    faults: FaultBook = field(default_factory=FaultBook)
    log: CallLog = field(default_factory=CallLog)
    webhooks: dict[str, Webhook] = field(default_factory=dict)
    now: Callable[[], datetime] = _utc_now

    def call(self, request: Request) -> Reply:
        """Rules come before faults: a fault never hides a mistake of the caller's."""
        received_at = self.now()
        key = key_of(request.path)
        webhook = self.webhooks.get(key or "", Webhook())
        document = document_of(request.body) or {}
        refused = refusal(request, webhook)
        reply = Reply(answer=refused) if refused else self._serve(document, key or "")
        self.log.add(
            Call(
                received_at=received_at,
                method=request.method,
                path=request.path,
                key=key,
                notification_id=_whole(document.get("notification_id")),
                user_id=_whole(document.get("user_id")),
                attempt=reply.attempt,
                bearer_matched=bearer_matches(request, webhook),
                status=None if reply.silent else reply.answer.status,
                code=None if reply.silent else reply.answer.code,
                fault=reply.fault.kind.value if reply.fault else None,
                accepted=reply.accepted,
                request_body=request.body,
                answer_body=b"" if reply.silent else reply.answer.body,
            )
        )
        return reply

    def _serve(self, document: Mapping[str, Any], key: str) -> Reply:
        attempt = self.log.next_attempt(document["notification_id"])
        fault = self.faults.met_by(user_id=document["user_id"], key=key, attempt=attempt)
        return Reply(answer=answer_under(fault), fault=fault, attempt=attempt)


_ANSWERS: Mapping[FaultKind, Callable[[Fault], Answer]] = {
    FaultKind.HTTP_429: lambda fault: answers.too_many_requests(fault.retry_after, fault.retry_header),
    FaultKind.RATE_LIMITED: lambda _fault: answers.business(11232),
    FaultKind.CODE: lambda fault: answers.business(fault.code, fault.msg),
    FaultKind.HTTP_5XX: lambda fault: answers.server_error(fault.status),
    FaultKind.NO_JSON: lambda _fault: answers.NO_JSON,
    FaultKind.ENDLESS_BODY: lambda _fault: answers.ENDLESS,
    FaultKind.REDIRECT: lambda fault: answers.redirect(fault.location or PATH + REDIRECTED_KEY),
}


def answer_under(fault: Fault | None) -> Answer:
    """What Feishu says under a fault; where it says nothing, or says it slowly, what it would have said."""
    return _ANSWERS[fault.kind](fault) if fault and fault.kind in _ANSWERS else answers.SUCCESS


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
