"""Ways in which Feishu is told to fail, and for each call the fault that it meets."""

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
    """`status` from a broken gateway."""

    CUT = "cut"
    """The connection ends without an answer, and nobody saw the message."""

    ACCEPTED_THEN_CUT = "accepted_then_cut"
    """The user sees the message, but the connection ends without an answer."""

    NO_JSON = "no_json"
    """HTTP 200 with a page of HTML."""

    ENDLESS_BODY = "endless_body"
    """HTTP 200 with a body that goes on until the caller hangs up."""

    DRIPPING_BODY = "dripping_body"
    """Accepted; the body of the answer comes a byte every `interval` seconds."""

    DRIPPING_HEADERS = "dripping_headers"
    """Accepted; the headers of the answer come a byte every `interval` seconds."""

    REDIRECT = "redirect"
    """HTTP 302 to `location`, which nobody should follow; by default to a webhook whose calls show who did."""

    CODE = "code"
    """HTTP 200 with the business code `code` and the message `msg`."""


ACCEPTED_KINDS = frozenset(
    {FaultKind.SLOW, FaultKind.ACCEPTED_THEN_CUT, FaultKind.DRIPPING_BODY, FaultKind.DRIPPING_HEADERS}
)
"""The user sees the message in spite of these."""


class FaultFields(TypedDict, total=False):
    """What a fault may be given beside its kind; see Fault."""

    user_id: int | None
    key: str | None
    share: float
    first: int | None
    delay: float
    retry_after: int | None
    retry_header: str
    status: int
    interval: float
    location: str | None
    code: int
    msg: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Fields that are not given do not narrow it down: without user, key, share and first it meets every call."""

    kind: FaultKind
    user_id: int | None = None
    key: str | None = None
    #: of the calls that match otherwise, how many meet it, drawn for each call
    share: float = 1.0
    #: only the first so many calls of each notification; None: for ever
    first: int | None = None
    #: seconds to wait before answering, or failing; for any kind
    delay: float = 0.0
    retry_after: int | None = 1
    retry_header: str = "Retry-After"
    status: int = 503
    interval: float = 0.5
    location: str | None = None
    code: int = 11232
    msg: str | None = None

    @property
    def accepted(self) -> bool:
        return self.kind in ACCEPTED_KINDS

    def meets(self, *, user_id: int, key: str, attempt: int) -> bool:
        return (
            self.user_id in (None, user_id)
            and self.key in (None, key)
            and (self.first is None or attempt <= self.first)
        )


@dataclass(slots=True, kw_only=True)
class FaultBook:
    """The faults that are set; of several that match a call, the one set first is met."""

    #: a number from 0 up to 1, for each call that a share of calls is to be taken from
    draw: Callable[[], float] = random.random
    faults: tuple[Fault, ...] = field(default=())

    def add(self, *faults: Fault) -> None:
        self.faults = (*self.faults, *faults)

    def clear(self) -> None:
        self.faults = ()

    def met_by(self, *, user_id: int, key: str, attempt: int) -> Fault | None:
        for fault in self.faults:
            if fault.meets(user_id=user_id, key=key, attempt=attempt) and (
                fault.share >= 1 or self.draw() < fault.share
            ):
                return fault
        return None
