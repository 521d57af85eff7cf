"""At the end one dead notification is redriven, and the account expects it to have been sent."""

from dataclasses import dataclass, field

from delivery.domain.record import Status
from local.demo.accounting import account_for
from local.demo.observer import Findings
from local.demo.publishing.event_kinds import Kind
from local.demo.redrive import Redrive, Redriven
from local.demo.watching import Ended
from tests.unit.demo.accounts import of_record, row, rows

KEY = "never"


@dataclass
class Service:
    """It sends what is redriven by the third look, unless a test says otherwise."""

    becomes: Status = Status.SENT
    takes: int = 3
    done: list[str] = field(default_factory=list)
    time: float = 0.0

    def look(self) -> Findings:
        self.takes -= 1
        status = self.becomes if self.takes <= 0 else Status.PENDING
        return found(status, accepted=int(status is Status.SENT))

    def redrive(self, record_id: int) -> None:
        self.done.append(f"redrive {record_id}")

    def sleep(self, seconds: float) -> None:
        self.time += seconds

    def after(self, status: Status) -> tuple[Ended, Redriven | None]:
        """What there was when the watch had ended, and what came of it."""
        published = [of_record(KEY, Kind.FAILING_FOR_EVER), of_record("good")]
        before = found(status, accepted=0)
        account = account_for(published, before)
        ended = Ended(published=published, found=before, account=account, killed=True, seconds=1)
        redrive = Redrive(
            observer=self,
            heal=lambda: self.done.append("heal"),
            redrive=self.redrive,
            say=lambda _: None,
            now=lambda: self.time,
            sleep=self.sleep,
        )
        return redrive.run(ended)


def found(status: Status, *, accepted: int) -> Findings:
    known = rows(row(KEY, status, record_id=1, code="server_error"), row("good", record_id=2))
    return Findings(rows=known, accepted={1: accepted, 2: 1})


def test_a_dead_notification_is_redriven_when_feishu_is_well_again() -> None:
    """In that order, and it counts as accounted for once it is sent."""
    service = Service()
    ended, redriven = service.after(Status.DEAD)
    assert service.done == ["heal", "redrive 1"]
    assert redriven
    assert redriven.row.status is Status.SENT
    assert ended.account.in_order
    assert ended.account.last_line == "demo: 2 published, 2 accounted for, 0 lost, 0 doubled"


def test_one_that_is_dead_again_is_not_accounted_for() -> None:
    """The demo then fails."""
    ended, _ = Service(becomes=Status.DEAD).after(Status.DEAD)
    assert not ended.account.in_order


def test_one_that_is_never_sent_does_not_hold_the_demo_up() -> None:
    """For longer than a minute."""
    service = Service(takes=10_000)
    ended, _ = service.after(Status.DEAD)
    assert not ended.account.in_order
    assert 60 < service.time < 62


def test_without_a_dead_notification_nothing_is_redriven() -> None:
    """The account has said by then what is wrong."""
    service = Service()
    ended, redriven = service.after(Status.SENDING)
    assert (service.done, redriven) == ([], None)
    assert not ended.account.in_order
