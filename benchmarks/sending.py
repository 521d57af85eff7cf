"""The sender at work: real MySQL, real sockets, and a Feishu in another process that takes 100 ms to answer."""

import json
import os
import socket
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import Engine

from benchmarks.databases import fresh_database
from benchmarks.figures import SEND_EFFICIENCY, Measured
from benchmarks.notifications import USERS, intake
from benchmarks.rounds import Turn, stopwatch, take_turns
from benchmarks.statements import MAX_ATTEMPTS
from delivery.domain.channel import Channel
from delivery.domain.transition import RetryPolicy
from delivery.feishu.flow_webhook import FLOW_WEBHOOK, WEBHOOK_PATH
from delivery.feishu.transport import Transport
from delivery.feishu.way import Feishu, Wording
from delivery.feishu.ways import open_ways
from delivery.send import Sender, SendPolicy
from delivery.storage.attempts import Attempts
from delivery.storage.channels import Channels
from delivery.storage.recording import Recorder
from local.machine.ports import free_port
from local.machine.processes import running, wait_until_ready
from local.servers.mysql import MySqlServer

_CONCURRENCY = 32
_LATENCY = 0.1
_POINTERS = 1_600
_ROUNDS = 3
_LEASE = timedelta(minutes=10)
_CALL_TIMEOUT = timedelta(seconds=5)
_RETRY = RetryPolicy(base=timedelta(minutes=5), cap=timedelta(minutes=30), jitter=0.1)
_WORDING = Wording(
    event="smartflow.schedule_adjustment_ready",
    title="SmartFlow 日程调整建议",
    action_text="查看并确认调整",
    action_base_url="https://smartflow.example",
)


def measure(server: MySqlServer, state: Path) -> dict[str, Measured]:
    with (
        fresh_database(server, "send") as database,
        _feishu(state) as origin,
        ThreadPoolExecutor(max_workers=_CONCURRENCY) as executor,
    ):
        channels = Channels(engine=database.engine, keys=_OneKey())
        for user_id in range(1, USERS + 1):
            channels.save(_channel(user_id, origin), now=_now())
        sender = _sender(database.engine, channels, origin, executor)
        each = take_turns({"sender": _turn(database.engine, sender)}, rounds=_ROUNDS)["sender"]
    ideal = _CONCURRENCY / _LATENCY
    return {SEND_EFFICIENCY.name: Measured(value=1 / each / ideal, detail=f"{1 / each:,.0f}/s of {ideal:,.0f}/s")}


def _turn(engine: Engine, sender: Sender) -> Turn:
    recorder = Recorder(engine=engine)

    def turn() -> float:
        now = _now()
        pointers = recorder.store(
            intake(_POINTERS), now=now, handoff_at=now + _LEASE, max_attempts=MAX_ATTEMPTS
        ).pointers
        with stopwatch() as watch:
            unopened = sender.run(pointers, until=_now() + timedelta(minutes=2))
        assert not unopened, unopened
        return watch.each_of(_POINTERS)

    return turn


def _sender(engine: Engine, channels: Channels, origin: str, executor: ThreadPoolExecutor) -> Sender:
    feishu = Feishu(
        transport=Transport.open(concurrency=_CONCURRENCY, timeout=_CALL_TIMEOUT),
        stage="dev",
        wording=_WORDING,
        webhook_origins=(origin,),
        now=_now,
    )
    return Sender(
        attempts=Attempts(engine=engine),
        channels=channels,
        ways=open_ways(feishu),
        policy=SendPolicy(lease=_LEASE, concurrency=_CONCURRENCY, call_timeout=_CALL_TIMEOUT, retry=_RETRY),
        executor=executor,
        now=_now,
    )


@dataclass(frozen=True, slots=True)
class _OneKey:
    """A key ring without KMS, which a sender asks once in its life."""

    _key: bytes = field(default_factory=partial(os.urandom, 32))

    def current(self) -> tuple[int, bytes]:
        return 1, self._key

    def key(self, _key_id: int) -> bytes:
        return self._key


def _channel(user_id: int, origin: str) -> Channel:
    return Channel(
        user_id=user_id,
        channel=FLOW_WEBHOOK,
        enabled=True,
        webhook_url=f"{origin}{WEBHOOK_PATH}user-{user_id:06}",
        bearer_token=f"token-of-user-{user_id}",
    )


@contextmanager
def _feishu(state: Path) -> Iterator[str]:
    port = free_port()
    slow = json.dumps({"kind": "slow", "delay": _LATENCY})
    command = [sys.executable, "-m", "local.feishu", "--port", str(port), "--fault", slow]
    with running(command, name="Feishu simulator", log=state / "feishu.log") as process:
        wait_until_ready(process, partial(_listening, port))
        yield f"http://127.0.0.1:{port}"


def _listening(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _now() -> datetime:
    return datetime.now(UTC)
