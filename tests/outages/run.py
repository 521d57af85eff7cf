"""Sends many notifications, breaks MySQL in the middle, waits until all are final, and counts what arrived."""

from __future__ import annotations

import logging
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from moto.server import ThreadedMotoServer
from sqlalchemy import Engine

from delivery.aws.queue import SendQueue, messages_in
from delivery.deployment.migrate import upgrade
from delivery.feishu.flow_webhook import FLOW_WEBHOOK
from delivery.storage.recording import Recorder
from delivery.storage.tables import channels
from local.feishu import FeishuSimulator
from local.machine.processes import running
from local.servers.moto_server import receive_in_constant_time
from tests.integration.notifications import asking_for
from tests.outages.servers import FAULTS, PrivateMySql, private_mysql
from tests.outages.workers import Settings, sqs_client

_AT_ONCE = 500
_PATIENCE = 400.0
_TIMED_OUT = "SELECT record_id FROM notification_attempts WHERE error_code = 'provider_timeout'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to happen."""

    fault: str
    records: int
    senders: int = 3
    #: How long the fault lasts.
    seconds: float = 25
    #: Longer than an invocation, or else a lease ends while its sender is at work.
    lease_seconds: float = 16
    invocation_seconds: float = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of it."""

    sent: int
    lost: int
    doubled: int
    #: Doubled, but after a call that Feishu's simulator did not answer in time: those are not MySQL's.
    doubled_after_time_out: int
    #: Outcomes that went by the report queue.
    reports_taken: int
    said: Counter[str]

    def __str__(self) -> str:
        doubled = f"doubled {self.doubled} (and {self.doubled_after_time_out} after time-outs)"
        words = f"sent {self.sent}, lost {self.lost}, {doubled}, reports taken {self.reports_taken}"
        return f"{words}; said {dict(self.said)}"


def run(plan: Plan, state: Path) -> Result:
    with ExitStack() as exits:
        server = exits.enter_context(private_mysql(state / "mysql"))
        feishu = exits.enter_context(FeishuSimulator())
        settings = exits.enter_context(_settings(plan, server, feishu.url))
        _prepare(server, feishu)
        with server.engine().connect() as watcher:  # made before the fault
            watcher.close()
        for number in range(plan.senders):
            exits.enter_context(_worker(replace(settings, role="sender"), state / f"sender-{number}.log"))
        exits.enter_context(_worker(replace(settings, role="claimer"), state / "claimer.log"))
        _record(server.engine(), settings, plan.records)
        _wait(lambda: len(feishu.calls()) >= plan.records // 3)
        FAULTS[plan.fault](server, plan.seconds)
        _wait(lambda: _unfinished(server) == 0)
        _wait(lambda: _waiting(settings) == 0)
        return _counted(plan, server, feishu, state)


@contextmanager
def _settings(plan: Plan, server: PrivateMySql, feishu_url: str) -> Iterator[Settings]:
    receive_in_constant_time()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it says every request
    moto = ThreadedMotoServer(port=0, verbose=False)
    moto.start()
    try:
        host, port = moto.get_host_and_port()
        sqs_url = f"http://{host}:{port}".replace("0.0.0.0", "127.0.0.1")  # noqa: S104 - as moto says it
        sqs, visibility = sqs_client(sqs_url), {"VisibilityTimeout": str(int(plan.invocation_seconds) + 3)}
        made = {
            name: sqs.create_queue(QueueName=name, Attributes=visibility)["QueueUrl"] for name in ("send", "report")
        }
        yield Settings(
            role="",
            database_url=server.url,
            sqs_url=sqs_url,
            pointers_url=made["send"],
            reports_url=made["report"],
            feishu_url=feishu_url,
            lease_seconds=plan.lease_seconds,
            invocation_seconds=plan.invocation_seconds,
        )
    finally:
        moto.stop()


@contextmanager
def _worker(settings: Settings, log: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "tests.outages.workers", settings.to_json()]
    with running(command, name=settings.role, log=log, cwd=Path(__file__).parents[2]):
        yield


def _prepare(server: PrivateMySql, feishu: FeishuSimulator) -> None:
    upgrade(server.url)
    now = _now().replace(tzinfo=None)
    plain = {"webhook_url": feishu.webhook_url("k"), "auth_type": "none", "bearer_token": "", "enabled": True}
    fixed = {"user_id": 7, "channel": FLOW_WEBHOOK, "created_at": now, "updated_at": now}
    with server.engine().begin() as connection:
        connection.execute(channels.insert(), {**fixed, **plain})


def _record(engine: Engine, settings: Settings, records: int) -> None:
    recorder, queue = Recorder(engine=engine), SendQueue(sqs=settings.sqs, url=settings.pointers_url)
    for start in range(0, records, _AT_ONCE):
        keys = (f"record-{number}" for number in range(start, min(start + _AT_ONCE, records)))
        now = _now()
        stored = recorder.store(asking_for(*keys), now=now, handoff_at=now + timedelta(seconds=90), max_attempts=5)
        queue.publish(stored.pointers)


def _wait(until: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE
    while not until():
        if time.monotonic() > end:
            raise AssertionError("it took too long")
        time.sleep(0.3)


def _unfinished(server: PrivateMySql) -> int:
    with server.engine().connect() as connection:
        statement = "SELECT COUNT(*) FROM notification_records WHERE status NOT IN ('sent', 'dead', 'skipped')"
        return int(connection.exec_driver_sql(statement).scalar_one())


def _waiting(settings: Settings) -> int:
    return messages_in(settings.sqs, settings.reports_url)


def _counted(plan: Plan, server: PrivateMySql, feishu: FeishuSimulator, state: Path) -> Result:
    arrived = Counter(call.notification_id for call in feishu.calls(accepted=True))
    with server.engine().connect() as connection:
        sent = int(
            connection.exec_driver_sql("SELECT COUNT(*) FROM notification_records WHERE status = 'sent'").scalar_one()
        )
        timed_out = set(connection.exec_driver_sql(_TIMED_OUT).scalars())
    twice = {notification for notification, number in arrived.items() if number > 1}
    said: Counter[str] = Counter()
    taken = 0
    for log in state.glob("*.log"):
        for line in log.read_text(errors="replace").splitlines():
            word, *rest = line.split()[:2] or [""]
            said[word] += 1
            taken += int(rest[0]) if word == "taken" else 0
    return Result(
        sent=sent,
        lost=plan.records - min(len(arrived), sent),
        doubled=len(twice - timed_out),
        doubled_after_time_out=len(twice & timed_out),
        reports_taken=taken,
        said=said,
    )


def _now() -> datetime:
    return datetime.now(UTC)
