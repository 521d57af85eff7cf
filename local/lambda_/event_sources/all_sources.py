"""Starts every event source that the template declares, and ends them together."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from threading import Event

from local.lambda_.event_sources.kafka import poll_topic
from local.lambda_.event_sources.schedule import run_schedule
from local.lambda_.event_sources.sqs import poll_queue
from local.lambda_.worker_pool import WorkerPool
from local.servers.aws import Aws
from local.template.deployment import Deployment


@contextmanager
def run_event_sources(
    deployment: Deployment,
    pools: Mapping[str, WorkerPool],
    *,
    aws: Aws,
    minute_seconds: float,
    report: Callable[[str], None],
) -> Iterator[None]:
    """Runs the event sources for the length of the block. `pools` is keyed by function name."""
    stop = Event()
    with ExitStack() as running:
        for queue in deployment.queue_mappings:
            pool = pools[queue.function]
            running.enter_context(poll_queue(queue, pool.invoke, aws=aws, workers=pool.size, stop=stop, report=report))
        for topic in deployment.kafka_mappings:
            running.enter_context(poll_topic(topic, pools[topic.function].invoke, stop=stop, report=report))
        for schedule in deployment.schedules:
            pool = pools[schedule.function]
            running.enter_context(
                run_schedule(
                    schedule,
                    pool.invoke,
                    minute_seconds=minute_seconds,
                    workers=pool.size,
                    stop=stop,
                    report=report,
                )
            )
        running.callback(stop.set)  # all stop at once; each then waits for its own invocations
        yield
