"""The faults that Feishu can be told to show, and which of them a call meets."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypedDict


class FaultKind(StrEnum):
    SLOW = "slow"
    """Accepted at once, answered well after `delay` seconds."""

    HTTP_429 = "http_429"
    """The gateway's rate limit, with `retry_after` seconds in the header `retry_header`."""

    RATE_LIMITED = "rate_limited"
    """HTTP 200 with code 11232."""

    HTTP_5XX = "http_5xx"
    """A page of HTML from a broken gateway, with `status` from 500 to 599 (503)."""

    HTTP_STATUS = "http_status"
    """A page of HTML with any `status` from 400 to 599, such as 408 or 425."""

    CUT = "cut"
    """The connection ends without an answer, and nobody saw the message."""

    RESET_WHEN_IDLE = "reset_when_idle"
    """A connection that was silent for `idle` seconds is reset by the next call on it, which nobody saw."""

    ACCEPTED_THEN_CUT = "accepted_then_cut"
    """The user sees the message, but the connection ends without an answer."""

    NO_JSON = "no_json"
    """HTTP 200 with a page of HTML."""

    ENDLESS_BODY = "endless_body"
    """HTTP 200 with a body that goes on until the caller hangs up."""

    FALSE_ENCODING = "false_encoding"
    """Accepted; the answer claims `Content-Encoding: encoding`, but its body is plain."""

    DRIPPING_BODY = "dripping_body"
    """Accepted; the body of the answer comes a byte every `interval` seconds."""

    DRIPPING_HEADERS = "dripping_headers"
    """Accepted; the headers of the answer come a byte every `interval` seconds."""

    REDIRECT = "redirect"
    """HTTP 302 to `location`, which nobody should follow; by default to a webhook whose calls show who did."""

    CODE = "code"
    """The business code `code` with the message `msg`, under HTTP 200 or another `status`."""


_ACCEPTED = frozenset(
    {
        FaultKind.SLOW,
        FaultKind.ACCEPTED_THEN_CUT,
        FaultKind.FALSE_ENCODING,
        FaultKind.DRIPPING_BODY,
        FaultKind.DRIPPING_HEADERS,
    }
)
_SILENT = frozenset({FaultKind.CUT, FaultKind.ACCEPTED_THEN_CUT, FaultKind.RESET_WHEN_IDLE})


class FaultFields(TypedDict, total=False):
    """The fields that a fault may have beside its kind; `Fault` explains them."""

    user_id: int | None
    key: str | None
    share: float
    first: int | None
    delay: float
    retry_after: int | None
    retry_header: str
    status: int | None
    interval: float
    idle: float
    encoding: str
    location: str | None
    code: int
    msg: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """`user_id`, `key`, `share` and `first` narrow a fault down; with none of them it meets every call."""

    kind: FaultKind
    user_id: int | None = None
    key: str | None = None
    #: the share of matching calls that meet it, drawn anew for each call
    share: float = 1.0
    #: only this many first calls of each notification; None: all of them
    first: int | None = None
    #: seconds to wait before answering, or failing; for any kind
    delay: float = 0.0
    retry_after: int | None = 1
    retry_header: str = "Retry-After"
    #: None: the usual one of the kind
    status: int | None = None
    interval: float = 0.5
    idle: float = 1.0
    encoding: str = "gzip"
    location: str | None = None
    code: int = 11232
    msg: str | None = None

    @property
    def accepted(self) -> bool:
        """Whether the user sees the message in spite of the fault."""
        return self.kind in _ACCEPTED

    @property
    def silent(self) -> bool:
        """Whether the caller gets no answer at all."""
        return self.kind in _SILENT

    def meets(self, *, user_id: int | None, key: str, attempt: int, idle_for: float = 0.0) -> bool:
        return (
            self.user_id in (None, user_id)
            and self.key in (None, key)
            and (self.first is None or attempt <= self.first)
            and (self.kind is not FaultKind.RESET_WHEN_IDLE or idle_for >= self.idle)
        )


@dataclass(slots=True, kw_only=True)
class FaultBook:
    """The faults that are set. A call that matches several meets the one that was set first."""

    #: draws a number from 0 up to 1, to be compared with a fault's share
    draw: Callable[[], float] = random.random
    faults: tuple[Fault, ...] = field(default=())

    def add(self, *faults: Fault) -> None:
        self.faults = (*self.faults, *faults)

    def clear(self) -> None:
        self.faults = ()

    def met_by(self, *, user_id: int | None, key: str, attempt: int, idle_for: float = 0.0) -> Fault | None:
        for fault in self.faults:
            meets = fault.meets(user_id=user_id, key=key, attempt=attempt, idle_for=idle_for)
            if meets and (fault.share >= 1 or self.draw() < fault.share):
                return fault
        return None
