"""DATABASE_URL and KAFKA_BOOTSTRAP_SERVERS: a malformed one is one clear line, before any work starts."""

from pathlib import Path

import pytest

from local.machine.ports import free_port
from local.machine.processes import CannotStartError
from local.servers.kafka import kafka_cluster
from local.servers.mysql import MySqlServer, mysql_server

SHAPE = "it should look like mysql+pymysql://USER:PASSWORD@HOST:PORT/DATABASE"


def refused_database(tmp_path: Path) -> str:
    with pytest.raises(CannotStartError) as error:
        mysql_server(tmp_path / "state", cache=tmp_path / "cache").__enter__()
    assert list(tmp_path.iterdir()) == []
    return str(error.value)


def refused_kafka(tmp_path: Path) -> str:
    with pytest.raises(CannotStartError) as error:
        kafka_cluster(tmp_path, cache=tmp_path / "cache", topics={"events": 1}).__enter__()
    assert list(tmp_path.iterdir()) == []
    return str(error.value)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("secret", f"DATABASE_URL is malformed: {SHAPE}"),
        ("mysql://root:secret@host:port/x", f"DATABASE_URL is malformed: {SHAPE}"),
        ("postgresql://root:secret@host/x", f"DATABASE_URL is for 'postgresql': {SHAPE}"),
        ("mysql+mysqldb://root:secret@host/x", f"DATABASE_URL is for 'mysql+mysqldb': {SHAPE}"),
        ("mysql:///x", f"DATABASE_URL names no host: {SHAPE}"),
        ("mysql://root:secret@host:70000/x", f"DATABASE_URL is malformed: {SHAPE}"),
        ("mysql://root:secret@[::1/x", f"DATABASE_URL is malformed: {SHAPE}"),
    ],
)
def test_a_malformed_database_url_is_one_line_without_the_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, message: str
):
    """The setting is named, and what it should be."""
    monkeypatch.setenv("DATABASE_URL", setting)
    assert refused_database(tmp_path) == message


def test_a_database_that_does_not_answer_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Where it was looked for and why that failed, but not the password."""
    monkeypatch.setenv("DATABASE_URL", f"mysql://root:secret@127.0.0.1:{(port := free_port())}/x")
    message = refused_database(tmp_path)
    assert message.startswith(f"DATABASE_URL: the MySQL server at 127.0.0.1:{port} cannot be used: ")
    assert ("refused" in message, "secret" in message, "\n" in message) == (True, False, False)


@pytest.mark.parametrize(
    "setting", ["localhost", "localhost:", ":9092", "kafka://h:1", "h:0", "h:99999", "h:1,", "a b:1"]
)
def test_malformed_bootstrap_servers_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str):
    """The setting is named, and which part of it is wrong."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", setting)
    message = refused_kafka(tmp_path)
    assert message.startswith("KAFKA_BOOTSTRAP_SERVERS: ")
    assert message.endswith(" should be HOST:PORT (several of them with commas between)")


def test_brokers_that_do_not_answer_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Where they were looked for."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", f" 127.0.0.1:{(port := free_port())} ")
    monkeypatch.setattr("local.servers.kafka._ANSWERS_WITHIN_SECONDS", 0.5)
    assert (
        refused_kafka(tmp_path) == f"KAFKA_BOOTSTRAP_SERVERS: no Kafka broker answers at 127.0.0.1:{port} without TLS"
    )


def test_a_database_name_goes_before_the_query():
    """A URL may carry settings of the connection, such as a certificate."""
    server = MySqlServer(url="mysql+pymysql://u:p%40ss@h:3306?ssl_ca=ca.pem", program="MySQL")
    assert server.with_database("x") == "mysql+pymysql://u:p%40ss@h:3306/x?ssl_ca=ca.pem"
