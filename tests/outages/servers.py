"""A private MySQL that can be stopped, killed, made read-only or locked in the middle of the work."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine

from delivery.storage.mysql.database import address_of, open_engine
from local.machine.ports import free_port
from local.servers.mysql import mysql_server

CACHE = Path(__file__).parents[2] / ".local" / "cache"


@dataclass(slots=True)
class PrivateMySql:
    """What is committed survives a kill, as on a server that is used for real."""

    state: Path
    url: str = ""
    port: int = field(default_factory=free_port)
    exits: ExitStack = field(default_factory=ExitStack)

    def start(self) -> None:
        server = mysql_server(self.state, cache=CACHE, port=self.port, durable=True)
        self.url = self.exits.enter_context(server).with_database("outage")

    @property
    def pid(self) -> int:
        [file] = self.state.glob("data-*/mysqld.pid")
        return int(file.read_text())

    def engine(self) -> Engine:
        address = address_of(self.url)
        return open_engine(lambda: address, statement_seconds=300)


@contextmanager
def private_mysql(state: Path) -> Iterator[PrivateMySql]:
    with ExitStack() as exits:
        server = PrivateMySql(state, exits=exits)
        server.start()
        yield server


def stop(server: PrivateMySql, seconds: float) -> None:
    """Every connection stays open, and nothing is answered."""
    os.kill(server.pid, signal.SIGSTOP)
    try:
        time.sleep(seconds)
    finally:
        os.kill(server.pid, signal.SIGCONT)


def kill(server: PrivateMySql, seconds: float) -> None:
    """Killed, away for a while, and started again on what is on disk."""
    os.kill(server.pid, signal.SIGKILL)
    time.sleep(seconds)
    server.start()


def read_only(server: PrivateMySql, seconds: float) -> None:
    """As the writer of a cluster is after a failover: it answers, and refuses to write."""
    with server.engine().connect() as connection:
        connection.exec_driver_sql("SET GLOBAL super_read_only = ON")
        time.sleep(seconds)
        connection.exec_driver_sql("SET GLOBAL read_only = OFF")


def row_lock(server: PrivateMySql, seconds: float) -> None:
    """Somebody's transaction holds rows that are being sent."""
    with server.engine().connect() as connection:
        connection.exec_driver_sql(
            "SELECT id FROM notification_records WHERE status = 'sending' ORDER BY id LIMIT 3 FOR UPDATE"
        )
        time.sleep(seconds)
        connection.rollback()


def table_lock(server: PrivateMySql, seconds: float) -> None:
    """As during a careless ALTER TABLE."""
    with server.engine().connect() as connection:
        connection.exec_driver_sql("LOCK TABLES notification_records WRITE, notification_attempts WRITE")
        time.sleep(seconds)
        connection.exec_driver_sql("UNLOCK TABLES")


FAULTS: Mapping[str, Callable[[PrivateMySql, float], None]] = {
    "stop": stop,
    "kill": kill,
    "read-only": read_only,
    "row-lock": row_lock,
    "table-lock": table_lock,
}
