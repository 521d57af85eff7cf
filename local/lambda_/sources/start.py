"""The event sources of a deployment: functions in, all of the template's mappings and schedules running out."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from threading import Event

from local.lambda_.sources.events import Report
from local.lambda_.sources.kafka import polling_kafka
from local.lambda_.sources.schedule import ticking
from local.lambda_.sources.sqs import polling_queue
from local.lambda_.workers import WorkerPool
from local.servers.aws import Aws
from local.template.deployment import Deployment


@contextmanager
def event_sources(
    deployment: Deployment, pools: Mapping[str, WorkerPool], *, aws: Aws, minute_seconds: float, report: Report
) -> Iterator[None]:
    """Runs them for the length of the block; `pools` are by function name."""
    stop = Event()
    with ExitStack() as running:
        for queue in deployment.queue_mappings:
            pool = pools[queue.function]
            running.enter_context(
                polling_queue(queue, pool.invoke, aws=aws, workers=pool.size, stop=stop, report=report)
            )
        for topic in deployment.kafka_mappings:
            running.enter_context(polling_kafka(topic, pools[topic.function].invoke, stop=stop, report=report))
        for schedule in deployment.schedules:
            pool = pools[schedule.function]
            running.enter_context(
                ticking(
                    schedule,
                    pool.invoke,
                    minute_seconds=minute_seconds,
                    workers=pool.size,
                    stop=stop,
                    report=report,
                )
            )
        running.callback(stop.set)  # all at once; each then waits for what it has in hand
        yield
