"""A real broker for all of these tests, each of which has topics of its own."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from tests.integration.relay.broker import Broker, real_broker

_names = count(1)


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with real_broker(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker


@pytest.fixture
def topic() -> str:
    """The name of a topic that is not there yet."""
    return f"relayed.{next(_names)}"
