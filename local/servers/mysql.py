"""Provides a MySQL server: the one that DATABASE_URL names, or a private mysqld."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pymysql
from sqlalchemy.engine import make_url

from local.machine.make_once import make_once
from local.machine.ports import free_port
from local.machine.processes import run_to_end, running, wait_until_ready
from local.servers.external_mysql import external_mysql
from local.servers.find_mysql import MySqlProgram, find_mysqld


@dataclass(frozen=True, slots=True, kw_only=True)
class MySqlServer:
    #: without a database; `with_database` adds one
    url: str
    #: what is running and where it comes from, in one line
    program: str
    #: the database that DATABASE_URL names, if it names one
    database: str | None = None

    def with_database(self, name: str) -> str:
        return make_url(self.url).set(database=name).render_as_string(hide_password=False)


@contextmanager
def mysql_server(
    state: Path, *, cache: Path, port: int | None = None, durable: bool = False, say: Callable[[str], None] = print
) -> Iterator[MySqlServer]:
    """Runs a server for the length of the block, with its data in `state`; `cache` holds what is made only once."""
    if external := external_mysql():
        yield MySqlServer(url=external.url, program=external.program, database=external.database)
        return
    state, cache = state.resolve(), cache.resolve()
    program = find_mysqld(cache, say=say)
    data = _data_directory(state, program, cache, say)
    port = port or free_port()
    command = [*program.command, *_PRIVATE, *(_DURABLE if durable else _FAST), f"--datadir={data}", f"--port={port}"]
    with running(command, name="mysqld", log=state / "mysqld.log") as process:
        wait_until_ready(process, partial(_answers_for, data, port))
        yield MySqlServer(url=f"mysql+pymysql://root@127.0.0.1:{port}", program=str(program))


_PRIVATE = (
    "--bind-address=127.0.0.1",
    # Relative to the data directory: the path of a Unix socket may not be longer than 107 bytes.
    "--socket=mysqld.sock",
    "--pid-file=mysqld.pid",
    "--loose-mysqlx=OFF",
    "--loose-auto-generate-certs=OFF",
    "--skip-name-resolve",
    "--secure-file-priv=NULL",
    "--performance-schema=OFF",
    "--default-time-zone=+00:00",
    "--max-connections=300",
)

# For tests and development: nothing is lost when mysqld is killed, only when the machine goes down.
_FAST = (
    "--skip-log-bin",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-flush-method=nosync",
    "--innodb-doublewrite=OFF",
    "--loose-innodb-redo-log-capacity=32M",
    "--innodb-buffer-pool-size=128M",
)

_DURABLE = (
    "--log-bin=binlog",
    "--server-id=1",
    "--sync-binlog=1",
    "--innodb-flush-log-at-trx-commit=1",
    "--loose-innodb-redo-log-capacity=512M",
    "--innodb-buffer-pool-size=512M",
)

# Root may connect over TCP from any address, since the server listens on the loopback only.
_FIRST_SQL = """\
CREATE USER 'root'@'%' IDENTIFIED BY '';
GRANT ALL ON *.* TO 'root'@'%' WITH GRANT OPTION;
"""


def _data_directory(state: Path, program: MySqlProgram, cache: Path, say: Callable[[str], None]) -> Path:
    """A copy of a directory that is initialised once for each version: MySQL cannot open a newer version's files."""
    state.mkdir(parents=True, exist_ok=True)
    pristine = cache / "mysql" / f"data-{program.version}"
    data = state / f"data-{program.version}"
    if not data.exists():
        make_once(pristine, partial(_initialise, program, state / "initialise.log", say), say=say)
        make_once(data, partial(shutil.copytree, pristine, dirs_exist_ok=True), say=say)
    for left_behind in data.glob("mysqld.sock*"):  # its lock names a pid that may belong to another program now
        left_behind.unlink()
    return data


def _initialise(program: MySqlProgram, log: Path, say: Callable[[str], None], directory: Path) -> None:
    say("hongyan: initialising a MySQL data directory (once)")
    (sql := log.with_name("first.sql")).write_text(_FIRST_SQL)
    step = [*program.command, *_FAST, "--initialize-insecure", f"--datadir={directory}", f"--init-file={sql}"]
    run_to_end(step, name="mysqld --initialize", log=log)
    (directory / "auto.cnf").unlink(missing_ok=True)  # the server's identity: each copy needs its own


def _answers_for(data: Path, port: int) -> bool:
    """Whether the server on this port has our data; another program's server may have taken the port first."""
    try:
        with pymysql.connect(host="127.0.0.1", port=port, user="root", connect_timeout=5, read_timeout=5) as connection:
            cursor = connection.cursor()
            cursor.execute("SELECT @@datadir")
            (directory,) = cursor.fetchone() or ("",)
            return data.samefile(directory)
    except (pymysql.MySQLError, OSError):
        return False
