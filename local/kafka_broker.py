"""Apache Kafka itself as one KRaft node in one JVM: its jars from Maven, a data directory in, broker addresses out."""

import base64
import os
import pwd
import re
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from local.kafka_topics import cluster_name
from local.once import made_once
from local.ports import free_port
from local.processes import CannotStartError, run_to_end, running, wait_until_ready

VERSION = "4.3.1"
_OLDEST_JAVA = 17
_COPY_DEPENDENCIES = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"

_POM = f"""\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{VERSION}</version></dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>2.25.4</version>
    </dependency>
  </dependencies>
</project>
"""

# Paths are relative to the working directory: a properties file knows neither Chinese characters nor commas in them.
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
log.dirs={data}
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

# Quick rather than thorough compilation: what counts here is the time until ready.
_JVM = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dlog4j2.configurationFile=log4j2.xml")
_ENVIRONMENT = {"LC_ALL": "C.UTF-8"}  # in the C locale Java cannot name a directory that is not ASCII


@dataclass(frozen=True, slots=True, kw_only=True)
class ApacheKafka:
    java: str
    jars: Path

    def __str__(self) -> str:
        return f"Apache Kafka {VERSION} (KRaft, one JVM)"


def find_apache_kafka(cache: Path, *, say: Callable[[str], None]) -> ApacheKafka | None:
    """Nothing where there is no Java 17, or where the jars are still to be fetched and there is no Maven."""
    java = _java()
    jars = cache / "kafka" / f"jars-{VERSION}"
    maven = shutil.which("mvn")
    if java is None or (maven is None and not jars.exists()):
        return None
    made_once(jars, partial(_fetch, maven or "mvn", jars.with_name("maven.log"), say), say=say)
    return ApacheKafka(java=java, jars=jars)


@contextmanager
def running_broker(kafka: ApacheKafka, state: Path, *, port: int | None, say: Callable[[str], None]) -> Iterator[str]:
    """Its data stays in `state` and is found again, on whatever port the next start listens."""
    port = port or free_port()
    ports = {"port": port, "controller_port": free_port(other_than=[port])}
    _write_configuration(state, kafka, ports)
    made_once(state / "data", partial(_format, kafka, state, ports), say=say)
    name = _cluster_name(state / "data")
    command = [*_java_command(kafka), "-Xms64m", "-Xmx256m", "kafka.Kafka", "server.properties"]
    with running(command, name="Apache Kafka", log=state / "broker.log", cwd=state, env=_ENVIRONMENT) as process:
        servers = f"127.0.0.1:{port}"
        # Not just any broker: somebody else's may have taken the port first.
        wait_until_ready(process, lambda: cluster_name(servers, within=1) == name)
        yield servers


def _write_configuration(state: Path, kafka: ApacheKafka, ports: Mapping[str, int]) -> None:
    state.mkdir(parents=True, exist_ok=True)
    (state / "log4j2.xml").write_text(_LOG4J)
    (state / "server.properties").write_text(_PROPERTIES.format(data="data", **ports))
    link = state / "jars"
    link.unlink(missing_ok=True)
    link.symlink_to(kafka.jars.resolve())


def _format(kafka: ApacheKafka, state: Path, ports: Mapping[str, int], directory: Path) -> None:
    properties = state / "format.properties"
    properties.write_text(_PROPERTIES.format(data=directory.name, **ports))
    name = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
    # Given with = because a name may begin with a hyphen.
    tool = ["kafka.tools.StorageTool", "format", f"--cluster-id={name}", "-c", properties.name]
    step = [*_java_command(kafka), *tool]
    run_to_end(step, name="Kafka's storage tool", log=state / "format.log", cwd=state, env=_ENVIRONMENT)


def _cluster_name(data: Path) -> str:
    match = re.search(r"^cluster\.id=(\S+)$", (data / "meta.properties").read_text(), re.MULTILINE)
    if match is None:
        raise CannotStartError(f"{data} is not a Kafka data directory: remove it, it will be made again")
    return match[1]


def _java_command(kafka: ApacheKafka) -> list[str]:
    return [kafka.java, *_JVM, "-cp", "jars/*"]


def _java() -> str | None:
    """The first that is new enough: JAVA_HOME's, then the one on the PATH."""
    home = os.environ.get("JAVA_HOME")
    candidates = [str(Path(home) / "bin" / "java")] if home else []
    return next((java for java in [*candidates, "java"] if _java_version(java) >= _OLDEST_JAVA), None)


def _java_version(java: str) -> int:
    try:
        done = subprocess.run([java, "-version"], check=False, capture_output=True, text=True)
    except OSError:
        return 0
    match = re.search(r'version "(\d+)', done.stderr)
    return int(match[1]) if match else 0


def _fetch(maven: str, log: Path, say: Callable[[str], None], directory: Path) -> None:
    say(f"hongyan: fetching Apache Kafka {VERSION} from Maven (44 MB, once)")
    (work := directory / "maven").mkdir()
    (work / "pom.xml").write_text(_POM)
    goal = [_COPY_DEPENDENCIES, "-DincludeScope=runtime", f"-DoutputDirectory={directory.resolve()}"]
    step = [maven, "-B", "-q", *_repository(work.resolve()), *goal]
    run_to_end(step, name="Maven", log=log, cwd=work)
    shutil.rmtree(work)


def _repository(work: Path) -> list[str]:
    """Maven keeps what it fetches below the home directory; some accounts have none that they may write to."""
    try:
        home = Path(pwd.getpwuid(os.geteuid()).pw_dir)  # Java looks there, whatever HOME says
    except KeyError:
        home = Path("/nonexistent")
    own = home / ".m2" / "repository"
    existing = next(path for path in [own, *own.parents] if path.exists())
    return [] if os.access(existing, os.W_OK) else [f"-Dmaven.repo.local={work / 'repository'}"]
