"""Where the local stack finds Apache Kafka, and when it uses the mock instead."""

from pathlib import Path

import pytest

from local.machine.processes import CannotStartError
from local.servers import find_kafka
from local.servers.find_kafka import find_apache_kafka
from local.servers.kafka import kafka_cluster
from local.servers.mock_kafka import MockCluster

JAVA = "openjdk version \"{}\" 2025-04-15' 'OpenJDK Runtime Environment"
COPYING_MAVEN = "for word; do case $word in -DoutputDirectory=*) : > ${word#*=}/kafka.jar;; esac; done"


@pytest.fixture(autouse=True)
def only_this_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with nothing but a shell."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("JAVA_HOME", raising=False)


def install(program: Path, script: str) -> None:
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def java(directory: Path, version: str) -> None:
    install(directory / "bin" / "java", f"printf '%s\\n' '{JAVA.format(version)}' >&2")


def nothing_said(line: str) -> None:
    raise AssertionError(line)


def test_without_maven_there_is_no_kafka_until_its_jars_are_there(tmp_path: Path):
    """Maven is for the first time only."""
    java(tmp_path, "17.0.15")
    with pytest.raises(CannotStartError, match="there is no Maven on the PATH"):
        find_apache_kafka(tmp_path / "cache", say=nothing_said)
    jars = tmp_path / "cache" / "kafka" / f"jars-{find_kafka.VERSION}"
    jars.mkdir(parents=True)
    kafka = find_apache_kafka(tmp_path / "cache", say=nothing_said)
    assert kafka.jars == jars
    assert str(kafka) == f"Apache Kafka {find_kafka.VERSION} (KRaft, one JVM; Java 17.0.15 on the PATH)"


def test_jars_are_fetched_once_and_said_so(tmp_path: Path):
    """44 MB take a moment; the next start has them."""
    java(tmp_path, "17.0.15")
    install(tmp_path / "bin" / "mvn", COPYING_MAVEN)
    said: list[str] = []
    kafka = find_apache_kafka(tmp_path / "cache", say=said.append)
    assert [jar.name for jar in kafka.jars.iterdir()] == ["kafka.jar"]
    assert said == [f"hongyan: fetching Apache Kafka {find_kafka.VERSION} from Maven (44 MB, once)"]
    assert find_apache_kafka(tmp_path / "cache", say=nothing_said) == kafka


def test_maven_on_an_unpacked_java_trusts_what_the_machine_trusts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The package has no certificates. The user's own options for Maven come last, so they win."""
    home = tmp_path / "cache" / "java" / "packages" / "usr" / "lib" / "jvm" / "java-17"
    java(home, "17.0.15")
    install(tmp_path / "bin" / "mvn", f"{COPYING_MAVEN}; echo $JAVA_HOME $MAVEN_OPTS; read line < cacerts && echo read")
    monkeypatch.setenv("MAVEN_OPTS", "-Xmx99m")
    find_apache_kafka(tmp_path / "cache", say=print)
    log = (tmp_path / "cache" / "kafka" / "maven.log").read_text().splitlines()
    assert log == [f"{home} -Djavax.net.ssl.trustStore=cacerts -Xmx99m", "read"]


def test_a_failed_fetch_says_why_in_one_line_and_leaves_nothing(tmp_path: Path):
    """The cause is in Maven's log; the next try begins anew."""
    java(tmp_path, "17.0.15")
    install(tmp_path / "bin" / "mvn", "echo '[ERROR] Unknown host'; exit 1")
    log = tmp_path / "cache" / "kafka" / "maven.log"
    with pytest.raises(CannotStartError, match=f"^Maven cannot fetch Apache Kafka: see {log}$"):
        find_apache_kafka(tmp_path / "cache", say=print)
    assert "Unknown host" in log.read_text()
    assert [path.name for path in log.parent.iterdir() if path.is_dir()] == []


def test_what_cannot_be_had_is_why_the_mock_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A reader of the first lines knows which broker it is."""
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    with kafka_cluster(tmp_path / "state", cache=tmp_path / "cache", topics={"one": 1}) as cluster:
        assert cluster.program == "librdkafka's mock cluster (there is no Java on the PATH, and no apt to fetch it)"


def test_the_mock_refuses_a_topic_that_it_has():
    """Otherwise it would keep the other number of partitions and say nothing."""
    (cluster := MockCluster()).create_topic("events", 1)
    with pytest.raises(OSError, match="cannot make topic 'events' with 3 partitions"):
        cluster.create_topic("events", 3)
