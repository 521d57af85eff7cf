"""Commits whose answer is lost: the connection breaks at the worst moment, after MySQL took it or just before."""

from __future__ import annotations

from collections.abc import Callable

import pymysql
import pytest

from delivery.storage.mysql.connection import MySqlConnection


def lose_next_commit(
    monkeypatch: pytest.MonkeyPatch, *, taken: bool, meanwhile: Callable[[], object] = lambda: None
) -> None:
    """The next commit's connection is lost. Whether MySQL took the commit is `taken`; `meanwhile` happens then."""
    commit = pymysql.Connection.commit

    def lose(connection: pymysql.Connection[pymysql.cursors.Cursor]) -> None:
        monkeypatch.setattr(MySqlConnection, "commit", commit)
        if taken:
            commit(connection)
        connection._force_close()  # type: ignore[attr-defined]
        meanwhile()
        raise pymysql.err.OperationalError(2013, "Lost connection to MySQL server during query")

    monkeypatch.setattr(MySqlConnection, "commit", lose)
