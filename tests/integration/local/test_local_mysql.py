"""The private MySQL server: real, quick to start again, never half-made, and never left behind."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from local.servers.mysql import MySqlServer, mysql_server
from tests.waiting import until

CACHE = Path(__file__).parents[3] / ".local" / "cache"

START = """
import sys
from pathlib import Path
from local.servers.mysql import mysql_server

def say(line):
    print(line, flush=True)

with mysql_server(Path(sys.argv[1]), cache=Path(sys.argv[2]), say=say) as server:
    say(server.url)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests may run on a machine whose own database they use otherwise."""
    monkeypatch.delenv("DATABASE_URL", raising=False)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """Longer than a Unix socket's path may be, and with what a shell would stumble over."""
    checkout = tmp_path / "a checkout (鸿雁)"
    yield checkout / ("long" * 30)
    shutil.rmtree(checkout, ignore_errors=True)  # a hundred megabytes and more


def ask(url: str, statement: str) -> tuple[object, ...] | None:
    with create_engine(url, poolclass=NullPool).begin() as connection:
        answer = connection.execute(text(statement))
        return tuple(answer.one()) if answer.returns_rows else None


def answers(url: str) -> bool:
    try:
        return ask(url, "SELECT 1") == (1,)
    except OperationalError:
        return False


@contextmanager
def started(state: Path, cache: Path = CACHE) -> Iterator[subprocess.Popen[str]]:
    """A server in the hands of another process, which is killed at the end of the block."""
    command = [sys.executable, "-c", START, str(state), str(cache)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGKILL)


def line_of(process: subprocess.Popen[str], wanted: Callable[[str], bool]) -> str:
    assert process.stdout is not None
    return next(line.strip() for line in process.stdout if wanted(line))


def test_the_server_is_a_mysql_that_claims_can_use(state: Path):
    """SKIP LOCKED, the row alias and the binary collation are what storage is written for."""
    with mysql_server(state, cache=CACHE) as server:
        assert server.program.startswith("MySQL ")
        url = server.with_database("mysql")
        assert ask(url, "SELECT Host FROM user WHERE User = 'root' AND Host = '%' FOR UPDATE SKIP LOCKED") == ("%",)
        assert ask(url, "SELECT _utf8mb4'a' COLLATE utf8mb4_0900_bin = _utf8mb4'A'") == (0,)
        assert ask(url, "SELECT @@bind_address, @@time_zone, @@log_bin") == ("127.0.0.1", "+00:00", 0)
    assert not answers(url)


def test_a_second_start_makes_nothing_and_finds_the_data(state: Path):
    """Nothing is fetched and nothing initialised, which is what makes it quick."""
    with mysql_server(state, cache=CACHE) as server:
        ask(server.url, "CREATE DATABASE kept")
    said: list[str] = []
    with mysql_server(state, cache=CACHE, say=said.append) as server:
        assert ask(server.url, "SHOW DATABASES LIKE 'kept'") == ("kept",)
    assert said == []


def test_durable_means_what_production_means(state: Path):
    """A benchmark against a server that does not flush would measure nothing."""
    settings = "@@innodb_flush_log_at_trx_commit, @@sync_binlog, @@log_bin, @@innodb_doublewrite, @@innodb_flush_method"
    with mysql_server(state, cache=CACHE, durable=True) as server:
        assert ask(server.url, f"SELECT {settings}") == (1, 1, 1, "ON", "O_DIRECT")
        assert ask(server.url, "SELECT @@innodb_buffer_pool_size") == (512 * 1024 * 1024,)
    with mysql_server(state, cache=CACHE, durable=False) as server:
        assert ask(server.url, f"SELECT {settings}") == (0, 1, 0, "OFF", "nosync")


def test_a_server_goes_with_its_parent(state: Path):
    """Killed with SIGKILL, the parent cleans nothing up; the next start recovers the data."""
    with started(state) as process:
        url = line_of(process, lambda line: line.startswith("mysql"))
        ask(url, "CREATE DATABASE kept")
    until(lambda: not answers(url))
    with mysql_server(state, cache=CACHE) as server:
        assert ask(server.url, "SHOW DATABASES LIKE 'kept'") == ("kept",)


def test_a_killed_initialisation_is_done_again(state: Path):
    """Half a data directory is never taken for a whole one, and does not stay."""
    cache = with_packages_only(state.parent)
    with started(state, cache) as process:
        line_of(process, lambda line: "initialising" in line)
        until(lambda: list((cache / "mysql").glob("*/ibdata1")))
    half_made = {path.parent for path in (cache / "mysql").glob("*/ibdata1")}
    said: list[str] = []
    with mysql_server(state, cache=cache, say=said.append) as server:
        assert ask(server.url, "SELECT 1") == (1,)
    assert said == ["hongyan: initialising a MySQL data directory (once)"]
    assert [directory for directory in half_made if directory.exists()] == []


def test_a_database_url_is_used_and_nothing_started(mysql: MySqlServer, state: Path, monkeypatch: pytest.MonkeyPatch):
    """The scheme may leave out the driver; the database and the query survive."""
    setting = mysql.with_database("chosen").replace("mysql+pymysql:", "mysql:") + "?charset=utf8mb4"
    monkeypatch.setenv("DATABASE_URL", setting)
    with mysql_server(state, cache=state / "no cache") as server:
        assert server.database == "chosen"
        assert server.url == f"{mysql.url}?charset=utf8mb4"
        assert server.program.endswith("(DATABASE_URL)")
        assert ask(server.with_database("mysql"), "SELECT DATABASE()") == ("mysql",)
    assert not state.exists()
    assert answers(mysql.url)


def with_packages_only(directory: Path) -> Path:
    """A cache in which the data directory is still to be made, and nothing to be fetched."""
    cache = directory / "cache"
    (cache / "mysql").mkdir(parents=True)
    if (CACHE / "mysql" / "packages").exists():
        (cache / "mysql" / "packages").symlink_to(CACHE / "mysql" / "packages")
    return cache
