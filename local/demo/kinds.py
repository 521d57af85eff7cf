"""The kinds of events that the demo publishes, and for each what must become of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from delivery.domain.contract import RejectCode
from delivery.domain.outcome import ErrorCode
from delivery.domain.record import Status

REJECTED = "rejected: "  # begins what became of a reject; its code follows


class Kind(StrEnum):
    GOOD = "good"
    DUPLICATE = "duplicate"
    MALFORMED = "malformed"
    FOREIGN = "foreign"
    POISON = "poison"
    NO_CHANNEL = "user without channel"
    DISABLED = "disabled channel"
    FAILING_ONCE = "failing once"
    FAILING_FOR_EVER = "failing for ever"
    REFUSED = "refused (wrong token)"
    RATE_LIMITED = "rate-limited"
    SLOW = "slow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """One of: a record in `status`, a reject with `reject`, or, with neither, no trace at all."""

    status: Status | None = None
    #: why a record that was not sent was not; a crash may leave another reason
    code: ErrorCode | None = None
    reject: RejectCode | None = None

    @property
    def accepted(self) -> int:
        """How often Feishu accepts its message; once more for each crash that left an attempt open."""
        return 1 if self.status is Status.SENT else 0

    def __str__(self) -> str:
        if self.reject:
            return f"{REJECTED}{self.reject}"
        return str(self.status or "passed over")


SENT = Expectation(status=Status.SENT)
SKIPPED = Expectation(status=Status.SKIPPED, code=ErrorCode.RECIPIENT_MISSING)
PASSED_OVER = Expectation()

OF_RECORDS: dict[Kind, Expectation] = {
    Kind.GOOD: SENT,
    Kind.DUPLICATE: SENT,
    Kind.NO_CHANNEL: SKIPPED,
    Kind.DISABLED: SKIPPED,
    Kind.FAILING_ONCE: SENT,
    Kind.FAILING_FOR_EVER: Expectation(status=Status.DEAD, code=ErrorCode.SERVER_ERROR),
    Kind.REFUSED: Expectation(status=Status.DEAD, code=ErrorCode.AUTH_FAILED),
    Kind.RATE_LIMITED: SENT,
    Kind.SLOW: SENT,
}
"""Kinds whose events become records, and the final state that these must reach (DESIGN sections 6 and 8)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One Kafka record to publish."""

    kind: Kind
    expected: Expectation
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    #: of the notification it asks for; None where there is none to find
    dedupe_key: str | None = None
    #: None: the partition that the key leads to
    partition: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """One Kafka record that the broker acknowledged."""

    event: Event
    partition: int
    offset: int
    acknowledged_at: datetime

    @property
    def position(self) -> tuple[int, int]:
        return self.partition, self.offset
