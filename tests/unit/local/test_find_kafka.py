"""Where the local stack finds Apache Kafka, and when it uses the mock instead."""

from pathlib import Path

import pytest

from local.machine.processes import CannotStartError
from local.servers import find_kafka
from local.servers.find_kafka import find_apache_kafka
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


@pytest.mark.parametrize("version", ["1.8.0_402", "11.0.22", "16"])
def test_an_old_java_is_none(tmp_path: Path, version: str):
    """Kafka 4 does not run on it; nothing is fetched then."""
    java(tmp_path, version)
    install(tmp_path / "bin" / "mvn", COPYING_MAVEN)
    assert find_apache_kafka(tmp_path / "cache", say=nothing_said) is None


def test_without_maven_there_is_no_kafka_until_its_jars_are_there(tmp_path: Path):
    """Maven is for the first time only."""
    java(tmp_path, "17.0.15")
    assert find_apache_kafka(tmp_path / "cache", say=nothing_said) is None
    jars = tmp_path / "cache" / "kafka" / f"jars-{find_kafka.VERSION}"
    jars.mkdir(parents=True)
    kafka = find_apache_kafka(tmp_path / "cache", say=nothing_said)
    assert kafka is not None
    assert (kafka.java, kafka.java_version, kafka.jars) == ("java", "17.0.15", jars)


def test_java_home_comes_before_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """As everywhere; one that is too old, or gone, is passed over."""
    java(tmp_path, "21")
    java(tmp_path / "home", "25.0.1")
    java(tmp_path / "old", "11.0.22")
    (tmp_path / "cache" / "kafka" / f"jars-{find_kafka.VERSION}").mkdir(parents=True)
    found = {}
    for home in ("home", "old", "gone"):
        monkeypatch.setenv("JAVA_HOME", str(tmp_path / home))
        kafka = find_apache_kafka(tmp_path / "cache", say=nothing_said)
        found[home] = kafka and kafka.java_version
    assert found == {"home": "25.0.1", "old": "21", "gone": "21"}


def test_jars_are_fetched_once_and_said_so(tmp_path: Path):
    """44 MB take a moment; the next start has them."""
    java(tmp_path, "17.0.15")
    install(tmp_path / "bin" / "mvn", COPYING_MAVEN)
    said: list[str] = []
    kafka = find_apache_kafka(tmp_path / "cache", say=said.append)
    assert kafka is not None
    assert [jar.name for jar in kafka.jars.iterdir()] == ["kafka.jar"]
    assert said == [f"hongyan: fetching Apache Kafka {find_kafka.VERSION} from Maven (44 MB, once)"]
    assert find_apache_kafka(tmp_path / "cache", say=nothing_said) == kafka


def test_a_failed_fetch_says_what_to_do_and_leaves_nothing(tmp_path: Path):
    """The cause is Maven's own; the next try begins anew."""
    java(tmp_path, "17.0.15")
    install(tmp_path / "bin" / "mvn", "echo '[ERROR] Unknown host'; exit 1")
    with pytest.raises(CannotStartError, match=r"try again online, or set KAFKA_BOOTSTRAP_SERVERS(.|\n)*Unknown host"):
        find_apache_kafka(tmp_path / "cache", say=print)
    assert [path.name for path in (tmp_path / "cache" / "kafka").iterdir() if path.is_dir()] == []


def test_the_mock_refuses_a_topic_that_it_has():
    """Otherwise it would keep the other number of partitions and say nothing."""
    (cluster := MockCluster()).create_topic("events", 1)
    with pytest.raises(OSError, match="cannot make topic 'events' with 3 partitions"):
        cluster.create_topic("events", 3)
