"""Measures the relay: a set against row by row, and a set's statements on outboxes of several sizes."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, text

from benchmarks.databases import fresh_database
from benchmarks.relaying.outbox import TOPIC, fill_outbox
from benchmarks.relaying.row_by_row import RowByRow
from benchmarks.report.figures import RELAY_GROWTH, RELAY_VS_ROWS, Measured
from benchmarks.rounds import Turn, stopwatch, take_turns
from benchmarks.steps import Bench
from cdk.settings.context import ROOT
from delivery.aws.kafka.producer import KafkaProducer
from delivery.domain.relaying import Fate, Mark, Pauses
from delivery.producing import Kafka, Production
from delivery.storage.outbox.relayed import Outbox
from local.servers.kafka import kafka_cluster

_SET = 500
_ROWS_A_TURN = 50
_ROUNDS = 15
_SIZES = (20_000, 200_000, 1_000_000)
_DUE = 2_000
_PARTITIONS = 6
_LEASE = timedelta(minutes=1)
_PAUSES = Pauses(kafka_away=timedelta(seconds=5), topic_missing=timedelta(seconds=30))
_AGAIN = text("""
UPDATE notification_outbox_messages SET status = 'pending', next_retry_at = created_at, published_at = NULL
WHERE id IN :ids""")


def measure_against_rows(bench: Bench) -> dict[str, Measured]:
    due = (_ROUNDS + 1) * (_SET + _ROWS_A_TURN)
    kafka = kafka_cluster(bench.state / "kafka", cache=ROOT / ".local" / "cache", topics={TOPIC: _PARTITIONS})
    with kafka as cluster, fresh_database(bench.server, "relay") as database:
        fill_outbox(database.engine, rows=2 * due, due=due, due_at=_now(), progress=bench.progress)
        client = KafkaProducer(
            lambda: {"bootstrap.servers": cluster.bootstrap_servers, "security.protocol": "PLAINTEXT"}
        )
        client.prepare()
        ways = {"sets": _one_set(database.engine, client), "rows": _row_by_row(database.engine, client)}
        each = take_turns(ways, rounds=_ROUNDS)
    detail = f"{1 / each['sets']:,.0f}/s against {1 / each['rows']:,.0f}/s"
    return {RELAY_VS_ROWS.name: Measured(value=each["rows"] / each["sets"], detail=detail)}


def measure_growth(bench: Bench) -> dict[str, Measured]:
    """Measures a set's work in MySQL without Kafka, whose work does not depend on the table's size."""
    with ExitStack() as databases:
        ways: dict[str, Turn] = {}
        for size in _sizes(bench.rows):
            engine = databases.enter_context(fresh_database(bench.server, f"relay_{size}")).engine
            fill_outbox(engine, rows=size, due=_DUE, due_at=_now(), progress=bench.progress)
            ways[f"{size:,}"] = _statements_of_a_set(engine)
        each = take_turns(ways, rounds=_ROUNDS)
    detail = ", ".join(f"{1000 * _SET * seconds:.1f} ms at {size}" for size, seconds in each.items())
    return {RELAY_GROWTH.name: Measured(value=max(each.values()) / min(each.values()), detail=detail)}


def _sizes(largest: int) -> Sequence[int]:
    return [*(size for size in _SIZES if size < largest), largest]


def relay_a_set(engine: Engine, kafka: Kafka, now: Callable[[], datetime], size: int) -> int:
    """Does what the relay does with each set, and returns the number of published rows."""
    outbox = Outbox(engine=engine)
    leased = outbox.lease_due(limit=size, now=now(), lease=_LEASE)
    production = Production(kafka=kafka, pauses=_PAUSES, now=now, send_until=leased.until, give_up_at=leased.until)
    production.run(leased.rows)
    published = [mark for mark in production.marks if mark.fate is Fate.PUBLISHED]
    return outbox.mark(published, leased_until=leased.until, now=now())


def _one_set(engine: Engine, client: KafkaProducer) -> Turn:
    def turn() -> float:
        with stopwatch() as watch:
            published = relay_a_set(engine, client, _now, _SET)
        assert published == _SET
        return watch.each_of(_SET)

    return turn


def _row_by_row(engine: Engine, client: KafkaProducer) -> Turn:
    relay = RowByRow(engine=engine, kafka=client)

    def turn() -> float:
        with stopwatch() as watch:
            relayed = [relay.relay_one(now=_now()) for _ in range(_ROWS_A_TURN)]
        assert all(relayed)
        return watch.each_of(_ROWS_A_TURN)

    return turn


def _statements_of_a_set(engine: Engine) -> Turn:
    """Makes the rows due again after each turn, outside the measured time."""
    outbox = Outbox(engine=engine)

    def turn() -> float:
        with stopwatch() as watch:
            leased = outbox.lease_due(limit=_SET, now=_now(), lease=_LEASE)
            marks = [Mark(row_id=row.id, fate=Fate.PUBLISHED, retry_count=0) for row in leased.rows]
            won = outbox.mark(marks, leased_until=leased.until, now=_now())
        assert won == _SET
        with engine.begin() as connection:
            connection.execute(_AGAIN, {"ids": tuple(mark.row_id for mark in marks)})
        return watch.each_of(_SET)

    return turn


def _now() -> datetime:
    return datetime.now(UTC)
