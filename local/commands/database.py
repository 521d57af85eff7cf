"""A connection to the running stack's database, for one command."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine

from delivery.storage.mysql.database import address_of, open_engine


@contextmanager
def opened_database(endpoints: Mapping[str, Any]) -> Iterator[Engine]:
    address = address_of(endpoints["database_url"])
    engine = open_engine(lambda: address)
    try:
        yield engine
    finally:
        engine.dispose()
