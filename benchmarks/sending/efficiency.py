"""Measures one sender's rate against the ideal: real MySQL, real sockets, and a Feishu that takes 100 ms to answer."""

from sqlalchemy import Engine

from benchmarks.databases import fresh_database
from benchmarks.notifications import intake
from benchmarks.report.figures import SEND_EFFICIENCY, SEND_EFFICIENCY_128, Measured
from benchmarks.rounds import Turn, stopwatch, take_turns
from benchmarks.sending.feishu import slow_feishu
from benchmarks.sending.sender import LEASE, Send, now, open_sender, user_channels
from benchmarks.steps import Bench
from benchmarks.storing.statements import MAX_ATTEMPTS
from delivery.send import CONNECTIONS
from delivery.storage.recording import Recorder

_LATENCY = 0.1
#: by how many calls are made at once
_FIGURES = {32: SEND_EFFICIENCY, 128: SEND_EFFICIENCY_128}
#: a run's beginning and end, where fewer calls are under way, are a fiftieth of it
_CALLS_IN_A_ROW = 50
_ROUNDS = 3
_UNSENT = "SELECT COUNT(*) FROM notification_records WHERE status <> 'sent'"


def measure(bench: Bench) -> dict[str, Measured]:
    with (
        fresh_database(bench.server, "send", connections=CONNECTIONS) as database,
        slow_feishu(bench.state, latency=_LATENCY) as origin,
    ):
        channels = user_channels(database.engine, origin=origin)
        ways = {
            str(calls): _turn(
                database.engine,
                open_sender(database.engine, channels, origin=origin, concurrency=calls),
                pointers=_CALLS_IN_A_ROW * calls,
            )
            for calls in _FIGURES
        }
        each = take_turns(ways, rounds=_ROUNDS)
    return {figure.name: _measured(1 / each[str(calls)], calls / _LATENCY) for calls, figure in _FIGURES.items()}


def _turn(engine: Engine, send: Send, *, pointers: int) -> Turn:
    recorder = Recorder(engine=engine)

    def turn() -> float:
        began = now()
        stored = recorder.store(intake(pointers), now=began, handoff_at=began + LEASE, max_attempts=MAX_ATTEMPTS)
        with stopwatch() as watch:
            send(stored.pointers)
        assert _unsent(engine) == 0
        return watch.each_of(pointers)

    return turn


def _measured(rate: float, ideal: float) -> Measured:
    return Measured(value=rate / ideal, detail=f"{rate:,.0f}/s of {ideal:,.0f}/s")


def _unsent(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.exec_driver_sql(_UNSENT).scalar_one())
