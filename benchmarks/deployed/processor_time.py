"""Measures the processor time that a notification takes in ingest and in send, by calling the deployed functions."""

from collections.abc import Iterable, Mapping
from statistics import median

from sqlalchemy import Engine

from benchmarks.databases import fresh_database
from benchmarks.deployed.assets import synthesized
from benchmarks.deployed.cold_start import CACHE
from benchmarks.deployed.events import kafka_event, queue_event
from benchmarks.deployed.python import function_python
from benchmarks.deployed.running import Deployed, Event
from benchmarks.deployed.surroundings import save_channels, variables
from benchmarks.report.figures import INGEST_PROCESSOR_MS, SEND_PROCESSOR_MS, Measured
from benchmarks.sending.feishu import slow_feishu
from benchmarks.steps import Bench
from local.servers.aws import aws_server

_LATENCY = 0.1
#: notifications in a full event: a stage's batch of Kafka records, and ten messages of twenty pointers
_INGESTED, _SENT = 500, 200
_CALLS = 20
#: these still connect and import
_WARM_UP = 2
_COUNTS = "SELECT status, COUNT(*) FROM notification_records GROUP BY status"


def measure(bench: Bench) -> dict[str, Measured]:
    python = function_python(CACHE)
    with (
        fresh_database(bench.server, "processor") as database,
        aws_server(bench.state / "aws") as aws,
        slow_feishu(bench.state, latency=_LATENCY) as origin,
    ):
        environment = variables(database, aws, origin=origin)
        save_channels(database, aws, environment)
        assets = synthesized(python, bench.state / "processor")
        deployed = Deployed(python=python, assets=assets, environment=environment)
        kafka = (kafka_event(_INGESTED) for _ in range(_WARM_UP + _CALLS))
        queue = (queue_event(database.engine, _SENT) for _ in range(_WARM_UP + _CALLS))
        ingested = _called(deployed, "ingest", kafka)
        sent = _called(deployed, "send", queue)
        calls = _WARM_UP + _CALLS
        assert _by_status(database.engine) == {"pending": calls * _INGESTED, "sent": calls * _SENT}
    return {
        INGEST_PROCESSOR_MS.name: _measured(ingested, _INGESTED),
        SEND_PROCESSOR_MS.name: _measured(sent, _SENT),
    }


def _called(deployed: Deployed, word: str, events: Iterable[Event]) -> list[float]:
    """The processor seconds of each call after the first few."""
    took: list[float] = deployed.run("warm", word, events)
    return took[_WARM_UP:]


def _by_status(engine: Engine) -> Mapping[str, int]:
    with engine.connect() as connection:
        return dict(connection.exec_driver_sql(_COUNTS).tuples().all())


def _measured(took: list[float], notifications: int) -> Measured:
    each = 1000 * median(took) / notifications
    return Measured(value=each, detail=f"{1000 / each:,.0f}/s at most on one processor; {notifications} in each call")
