"""Logs every call to the webhooks: what was asked, what was answered, and whether the user saw the message."""

import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from local.feishu.ways.way import document_of

_SHOWN = 4_000  # of a body that is not a JSON object


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call. Tokens are not kept, only whether they matched."""

    received_at: datetime
    method: str
    path: str
    #: the webhook's key; None for a path that does not belong to a webhook
    key: str | None
    notification_id: int | None
    user_id: int | None
    #: counts the calls for this notification from 1; 0 for a call that Feishu's rules refused
    attempt: int
    #: None when the webhook does not ask for a token
    bearer_matched: bool | None
    #: The header `Client-Token`, by which Feishu may recognize a repeated call.
    client_token: str | None
    #: HTTP status; None when the connection was cut before one
    status: int | None
    #: business code of the answer, if it has one
    code: int | None
    fault: str | None
    #: whether the simulated user would have seen the message
    accepted: bool
    request_body: bytes
    answer_body: bytes

    def as_document(self) -> dict[str, Any]:
        """The call for one line of JSON. A body that is a JSON object appears as one, any other as text."""
        shown = asdict(self)
        for name in ("request", "answer"):
            body: bytes = shown.pop(f"{name}_body")
            document = document_of(body)
            shown[name] = body[:_SHOWN].decode("utf-8", "replace") if document is None else document
        return {**shown, "received_at": self.received_at.isoformat(timespec="milliseconds")}


@dataclass(slots=True)
class CallLog:
    """The server's thread writes it, and any thread may read it."""

    _calls: list[Call] = field(default_factory=list)
    _attempts: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def next_attempt(self, message: str) -> int:
        """Counts a call for this message."""
        with self._lock:
            self._attempts[message] += 1
            return self._attempts[message]

    def add(self, call: Call) -> None:
        with self._lock:
            self._calls.append(call)

    def calls(self, **only: object) -> list[Call]:
        """The calls in order of arrival; `only` selects calls with these values."""
        with self._lock:
            calls = list(self._calls)
        return [call for call in calls if all(getattr(call, name) == value for name, value in only.items())]

    def clear(self) -> None:
        """Forgets all calls; the next call for any notification is its first again."""
        with self._lock:
            self._calls.clear()
            self._attempts.clear()


def summary(calls: Iterable[Call]) -> Mapping[str, Any]:
    """Counts the calls, and names each message that was accepted more than once, with how often the user saw it."""
    seen = list(calls)
    accepted = [call for call in seen if call.accepted]
    notifications = Counter(str(call.notification_id) for call in accepted)
    tokens = Counter(call.client_token for call in accepted if call.client_token is not None)
    return {
        "calls": len(seen),
        "accepted": len(accepted),
        "notifications": len(notifications),
        "accepted_more_than_once": _repeated(notifications),
        "client_tokens": len({call.client_token for call in seen} - {None}),
        "client_tokens_accepted_more_than_once": _repeated(tokens),
    }


def _repeated(counts: Counter[str]) -> Mapping[str, int]:
    return {name: times for name, times in counts.items() if times > 1}
