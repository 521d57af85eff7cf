"""The kinds of events that the demo publishes, and what has to become of each."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from delivery.domain.contract import RejectCode
from delivery.domain.outcome import ErrorCode
from delivery.domain.record import Status

REJECTED = "rejected: "  # the reject's code follows
IGNORED = "ignored"
LEFT_NOTHING = "left nothing"
DEAD_IN_OUTBOX = "dead in the outbox"


class Kind(StrEnum):
    GOOD = "good"
    DUPLICATE = "published three times"
    MALFORMED = "malformed"
    FOREIGN = "for another service"
    POISON = "not an event"
    NO_CHANNEL = "user without channel"
    DISABLED = "disabled channel"
    FAILING_ONCE = "Feishu fails once"
    FAILING_FOR_EVER = "Feishu always fails"
    REFUSED = "wrong token"
    RATE_LIMITED = "rate-limited once"
    SLOW = "Feishu is slow"
    COMMITTED = "outbox: committed"
    ROLLED_BACK = "outbox: rolled back"
    UNREADABLE = "outbox: unreadable"


#: These are written to the outbox, from where the relay brings them to Kafka. The others are published to Kafka.
OF_OUTBOX = (Kind.COMMITTED, Kind.ROLLED_BACK, Kind.UNREADABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """Expects a record in `status` or a reject with code `reject`. With neither, the event leaves no trace.

    An outbox row ends in the state `outbox`; None means that there is no row.
    """

    status: Status | None = None
    #: Why a record was not sent. A crash may leave another reason.
    code: ErrorCode | None = None
    reject: RejectCode | None = None
    outbox: str | None = None

    @property
    def accepted(self) -> int:
        """How often Feishu accepts the message, not counting repetitions after a crash."""
        return 1 if self.status is Status.SENT else 0

    def __str__(self) -> str:
        if self.reject:
            return f"{REJECTED}{self.reject}"
        return str(self.status or IGNORED)


SENT = Expectation(status=Status.SENT)
SKIPPED = Expectation(status=Status.SKIPPED, code=ErrorCode.RECIPIENT_MISSING)
PASSED_OVER = Expectation()
NOTHING = Expectation()
DEAD_ROW = Expectation(outbox="dead")

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
    Kind.COMMITTED: Expectation(status=Status.SENT, outbox="consumed"),
    Kind.ROLLED_BACK: NOTHING,
}
"""The kinds of events that ask for a notification, and the final state that each record must reach."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One Kafka record to publish, or one row to write to the outbox."""

    kind: Kind
    expected: Expectation
    key: bytes | None
    #: For an outbox row: the envelope that the event would have.
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    #: The notification's key; None if the event cannot become one.
    dedupe_key: str | None = None
    #: None lets Kafka choose by the key.
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

    @property
    def place(self) -> str:
        return f"partition {self.partition}, offset {self.offset}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One row that a transaction wrote to the outbox together with its business row, committed or rolled back."""

    event: Event
    task_id: int
    outbox_id: int
    ended_at: datetime

    @property
    def place(self) -> str:
        return f"outbox row {self.outbox_id}"


Publication = Published | Written
