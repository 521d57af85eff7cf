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
from delivery.domain.channel import CHANNEL_FEISHU_WEBHOOK, WEBHOOK_PATH, Channel
from delivery.domain.transition import RetryPolicy
from delivery.feishu.flow_webhook import FlowWebhook, Wording, open_connections
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
            report = sender.run(pointers, until=_now() + timedelta(minutes=2))
        assert report.by_status == {"sent": _POINTERS}, report
        return watch.each_of(_POINTERS)

    return turn


def _sender(engine: Engine, channels: Channels, origin: str, executor: ThreadPoolExecutor) -> Sender:
    courier = FlowWebhook(
        connections=open_connections(_CONCURRENCY),
        wording=Wording(action_base_url="https://smartflow.example"),
        patience=timedelta(seconds=5),
        now=_now,
        origins=(origin,),
    )
    policy = SendPolicy(lease=_LEASE, concurrency=_CONCURRENCY, retry=RetryPolicy())
    return Sender(
        attempts=Attempts(engine=engine), channels=channels, courier=courier, policy=policy, executor=executor, now=_now
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
        channel=CHANNEL_FEISHU_WEBHOOK,
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
