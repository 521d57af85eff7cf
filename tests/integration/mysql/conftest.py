"""A way to MySQL that can fall silent."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from delivery.storage.mysql.database import address_of
from tests.integration.silences import Silence, silence


@pytest.fixture
def between(shared_url: str, engine: Engine) -> Iterator[Silence]:
    address = address_of(shared_url)
    with silence(address.host, address.port) as one:
        yield one
