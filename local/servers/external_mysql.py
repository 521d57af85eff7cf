"""Checks the MySQL server that DATABASE_URL names, if it is set."""

import os
from dataclasses import dataclass

from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from local.machine.processes import CannotStartError
from local.servers.find_mysql import OLDEST, usable_version

_SHAPE = "mysql+pymysql://USER:PASSWORD@HOST:PORT/DATABASE"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalMySql:
    url: str
    database: str | None
    program: str


def external_mysql() -> ExternalMySql | None:
    """None when DATABASE_URL is not set; otherwise a server that answers and is new enough."""
    setting = os.environ.get("DATABASE_URL", "").strip()
    if not setting:
        return None
    named = _parsed(setting)
    url = named._replace(database=None)  # `set` keeps a part that is None
    version = _checked_version(url)
    return ExternalMySql(
        url=url.render_as_string(hide_password=False),
        database=named.database or None,
        program=f"MySQL {version} at {url.host}:{url.port or 3306} (DATABASE_URL)",
    )


def _parsed(setting: str) -> URL:
    """Parses the setting. The error does not repeat it, because it may contain a password."""
    try:
        url = make_url(setting)
    except (ArgumentError, ValueError):
        url = None
    if url is None or not 0 < (url.port or 3306) < 65_536:
        raise CannotStartError(f"DATABASE_URL is malformed: it should look like {_SHAPE}")
    if url.drivername not in ("mysql", "mysql+pymysql"):
        raise CannotStartError(f"DATABASE_URL is for {url.drivername!r}: it should look like {_SHAPE}")
    if not url.host:
        raise CannotStartError(f"DATABASE_URL names no host: it should look like {_SHAPE}")
    return url.set(drivername="mysql+pymysql")


def _checked_version(url: URL) -> str:
    answer = _version(url)
    if usable_version(answer) is None:
        raise CannotStartError(f"DATABASE_URL leads to version {answer}: it should be Oracle's MySQL {OLDEST} or newer")
    return answer


def _version(url: URL) -> str:
    where = f"{url.host}:{url.port or 3306}"
    try:
        with create_engine(url, poolclass=NullPool, connect_args={"connect_timeout": 10}).connect() as connection:
            return str(connection.execute(text("SELECT VERSION()")).scalar_one())
    except (SQLAlchemyError, OSError, TypeError, ValueError, RuntimeError) as error:
        # The driver's message, without its number and without SQLAlchemy's advice.
        cause = (getattr(error, "orig", None) or error).args or [type(error).__name__]
        raise CannotStartError(f"DATABASE_URL: the MySQL server at {where} cannot be used: {cause[-1]}") from None
