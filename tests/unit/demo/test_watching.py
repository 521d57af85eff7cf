"""When the demo publishes, kills a sender, and stops watching."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from delivery.domain.record import Status
from local.demo.observer import Findings, Row
from local.demo.publishing.event_kinds import OF_OUTBOX, Event, Kind, Publication, Published, Written
from local.demo.publishing.scenario import build_scenario
from local.demo.watching import Ended, Watch
from tests.unit.demo.accounts import NOW, outbox_row

SCENARIO = build_scenario(run="run-1", first_user_id=5000, partitions=1, now=NOW)


@dataclass
class Service:
    """A service that has finished everything by the next look, unless a test changes that; and its clock."""

    stuck: tuple[Kind, ...] = ()
    #: how many looks find these kinds `sending` before they are final
    sending: dict[Kind, int] = field(default_factory=dict)
    may_kill: bool = True
    #: how many seconds pass in a second of sleep
    pace: float = 1.0
    time: float = 0.0
    published: list[Publication] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    waves: list[int] = field(default_factory=list)
    killed_at: list[float] = field(default_factory=list)

    def publish(self, events: Sequence[Event]) -> list[Publication]:
        self.waves.append(len(events))
        new = [self._place(event, number) for number, event in enumerate(events, start=len(self.published) + 1)]
        self.published += new
        return new

    def _place(self, event: Event, number: int) -> Publication:
        if event.kind in OF_OUTBOX:
            return Written(event=event, task_id=number, outbox_id=number, ended_at=NOW)
        return Published(event=event, partition=0, offset=number, acknowledged_at=NOW)

    def look(self) -> Findings:
        rows = {
            one.event.dedupe_key: self._row(number, one)
            for number, one in enumerate(self.published)
            if one.event.dedupe_key and one.event.expected.status and one.event.kind not in self.stuck
        }
        self.sending = {kind: looks - 1 for kind, looks in self.sending.items() if rows and looks > 1}
        accepted = {row.record_id: 1 for row in rows.values() if row.status is Status.SENT}
        written = [it for it in self.published if isinstance(it, Written) and it.event.expected.outbox]
        return Findings(
            rows=rows,
            rejects={
                one.position: str(one.event.expected.reject)
                for one in self.published
                if isinstance(one, Published) and one.event.expected.reject
            },
            outbox={one.outbox_id: outbox_row(str(one.event.expected.outbox)) for one in written},
            tasks={one.task_id for one in written},
            accepted=accepted,
            calls=accepted,
        )

    def _row(self, number: int, one: Publication) -> Row:
        expected, key = one.event.expected, one.event.dedupe_key
        assert expected.status
        assert key
        final = one.event.kind not in self.sending
        return Row(
            record_id=number,
            dedupe_key=key,
            status=expected.status if final else Status.SENDING,
            attempt_count=1,
            error_code=expected.code,
        )

    def kill(self) -> bool:
        if self.may_kill:
            self.killed_at.append(self.time)
        return self.may_kill

    def sleep(self, seconds: float) -> None:
        self.time += self.pace * seconds

    def watched(self) -> Ended:
        watch = Watch(
            observer=self,
            publish=self.publish,
            kill_one_sender=self.kill,
            say=self.told.append,
            show=lambda _snapshot: None,
            now=lambda: self.time,
            sleep=self.sleep,
        )
        return watch.run(SCENARIO)


def test_everything_is_published_in_two_waves_and_accounted_for():
    """The second follows once the senders are at work on the first."""
    service = Service()
    ended = service.watched()
    assert service.waves == [len(wave) for wave in SCENARIO.waves]
    assert ended.account.in_order
    assert ended.seconds < 1


def test_one_sender_is_killed_while_a_slow_notification_is_being_sent():
    """Once, however long it takes; and people are told."""
    service = Service(sending={Kind.SLOW: 5})
    ended = service.watched()
    assert ended.killed
    assert len(service.killed_at) == 1
    assert len(service.told) == 1


def test_without_a_sender_at_work_none_is_killed():
    """Which the demo then has to say."""
    service = Service(sending={Kind.SLOW: 3}, may_kill=False)
    ended = service.watched()
    assert not ended.killed
    assert service.told == []
    assert ended.account.in_order


@pytest.mark.parametrize(
    "service",
    [
        Service(stuck=(Kind.RATE_LIMITED,), pace=20),
        Service(sending={Kind.RATE_LIMITED: 10_000}, pace=20),
        Service(sending=dict.fromkeys(Kind, 10000), pace=20),
    ],
    ids=["lost", "never finished", "nothing finished"],
)
def test_the_watch_ends_after_two_minutes_without_a_change_with_an_account_of_what_is_missing(service):
    """A service that loses an event or never finishes it does not hold the demo up for ever."""
    ended = service.watched()
    assert Kind.RATE_LIMITED in {one.published.event.kind for one in ended.account.problems}
    assert 120 < service.time < 150


def test_a_slow_service_is_watched_for_as_long_as_it_gets_on():
    """A busy machine may need several times two minutes."""
    service = Service(sending={Kind.RATE_LIMITED: 25, Kind.FAILING_ONCE: 50, Kind.REFUSED: 75}, pace=20)
    ended = service.watched()
    assert ended.account.in_order
    assert ended.seconds > 2 * 120
