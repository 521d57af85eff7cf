"""What MySQL and the simulated Feishu know of a run, as far as the account asks."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from delivery.domain.record import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A notification as MySQL has it."""

    record_id: int
    dedupe_key: str
    status: Status
    attempt_count: int
    error_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What MySQL and the simulated Feishu know."""

    #: by dedupe key
    rows: Mapping[str, Row] = field(default_factory=dict)
    #: code by partition and offset
    rejects: Mapping[tuple[int, int], str] = field(default_factory=dict)
    #: by record: how many attempts a dead sender left open
    lost_attempts: Mapping[int, int] = field(default_factory=dict)
    #: by record: how many attempts had no answer in time, so that nobody can tell whether Feishu accepted them
    timed_out: Mapping[int, int] = field(default_factory=dict)
    #: by record: how often Feishu was called, and how often its user saw the message
    calls: Mapping[int, int] = field(default_factory=dict)
    accepted: Mapping[int, int] = field(default_factory=dict)
