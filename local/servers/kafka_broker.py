"""Runs Apache Kafka as one KRaft node in one JVM, with its data in a directory that is kept between runs."""

import base64
import re
import shutil
import signal
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from local.machine.make_once import make_once
from local.machine.ports import free_port
from local.machine.processes import CannotStartError, ServerProcess, run_to_end, running, wait_until_ready
from local.servers.find_kafka import VERSION, ApacheKafka
from local.servers.kafka_topics import cluster_name

# Paths are relative to the working directory: a properties file allows no Chinese characters or commas in them.
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
log.dirs=data
auto.create.topics.enable=false
broker.heartbeat.interval.ms=200
broker.session.timeout.ms=1000
group.initial.rebalance.delay.ms=0
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
"""

_LOG4J = """\
<Configuration status="WARN">
  <Appenders><Console name="Console"><PatternLayout pattern="%d %p %m (%c)%n"/></Console></Appenders>
  <Loggers>
    <Logger name="org.apache.kafka.common.config" level="WARN"/>
    <Root level="INFO"><AppenderRef ref="Console"/></Root>
  </Loggers>
</Configuration>
"""

# A small heap and quick compilation: what counts is the time until it is ready.
_JVM = ("-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dlog4j2.configurationFile=log4j2.xml")
_ENDED_BY_SIGTERM = 128 + signal.SIGTERM
_ENVIRONMENT = {"LC_ALL": "C.UTF-8"}  # in the C locale Java cannot name a directory that is not ASCII


@contextmanager
def running_broker(kafka: ApacheKafka, state: Path, *, port: int | None, say: Callable[[str], None]) -> Iterator[str]:
    """Its data stays in `state`; the next start may use another port."""
    prepared = kafka.jars.with_name(f"prepared-{VERSION}-java-{kafka.java.version}")
    make_once(prepared, partial(_prepare, kafka, say), say=say)
    make_once(state / "data", partial(_empty_data, prepared / "data"), say=say)
    archive = prepared / "classes.jsa"
    flags = [f"-XX:SharedArchiveFile=cache/{prepared.name}/{archive.name}"] if archive.exists() else []
    port = port or free_port()
    with _started(kafka, state, port, *flags):
        yield f"127.0.0.1:{port}"


def _prepare(kafka: ApacheKafka, say: Callable[[str], None], directory: Path) -> None:
    """Makes what every start needs: an empty data directory, and an archive of the classes that the JVM loads."""
    say("hongyan: preparing Apache Kafka for quick starts (once)")
    trial = directory / "trial"
    _write_configuration(trial, kafka, port=free_port())
    step = [*_java(kafka), "kafka.tools.StorageTool", "format", f"--cluster-id={_new_id()}", "-c", "server.properties"]
    run_to_end(step, name="Kafka's storage tool", log=trial / "format.log", cwd=trial, env=_ENVIRONMENT)
    shutil.copytree(trial / "data", directory / "data")
    _archive_classes(kafka, trial, directory / "classes.jsa")
    shutil.rmtree(trial)


def _archive_classes(kafka: ApacheKafka, trial: Path, archive: Path) -> None:
    """The archive halves the time to start. If the JVM cannot write one, Kafka starts without it."""
    with suppress(CannotStartError), _started(kafka, trial, free_port(), "-XX:ArchiveClassesAtExit=new.jsa") as broker:
        broker.popen.terminate()
        with suppress(subprocess.TimeoutExpired, FileNotFoundError):
            if broker.popen.wait(120) == _ENDED_BY_SIGTERM:  # half an archive would be worse than none
                (trial / "new.jsa").rename(archive)


@contextmanager
def _started(kafka: ApacheKafka, state: Path, port: int, *flags: str) -> Iterator[ServerProcess]:
    _write_configuration(state, kafka, port=port)
    name = _cluster_name(state / "data")
    command = [*_java(kafka), *flags, "kafka.Kafka", "server.properties"]
    with running(command, name="Apache Kafka", log=state / "broker.log", cwd=state, env=_ENVIRONMENT) as process:
        # By name, since another broker may have taken the port first.
        wait_until_ready(process, lambda: cluster_name(f"127.0.0.1:{port}", within=1) == name)
        yield process


def _java(kafka: ApacheKafka) -> list[str]:
    return [kafka.java.command, *_JVM, "-cp", f"cache/{kafka.jars.name}/*"]


def _write_configuration(state: Path, kafka: ApacheKafka, *, port: int) -> None:
    state.mkdir(parents=True, exist_ok=True)
    (state / "log4j2.xml").write_text(_LOG4J)
    properties = _PROPERTIES.format(port=port, controller_port=free_port(other_than=[port]))
    (state / "server.properties").write_text(properties)
    link = state / "cache"
    link.unlink(missing_ok=True)
    link.symlink_to(kafka.jars.parent)


def _empty_data(formatted: Path, directory: Path) -> None:
    """A copy with its own cluster id, by which this broker is recognised."""
    shutil.copytree(formatted, directory, dirs_exist_ok=True)
    properties = (formatted / "meta.properties").read_text()
    renamed = re.sub(
        r"^(cluster|directory)\.id=.*$", lambda match: f"{match[1]}.id={_new_id()}", properties, flags=re.MULTILINE
    )
    (directory / "meta.properties").write_text(renamed)


def _cluster_name(data: Path) -> str:
    match = re.search(r"^cluster\.id=(\S+)$", (data / "meta.properties").read_text(), re.MULTILINE)
    if match is None:
        raise CannotStartError(f"{data} is not a Kafka data directory: remove it, it will be made again")
    return match[1]


def _new_id() -> str:
    """In Kafka's format: 16 random bytes in URL-safe base64."""
    return base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
