"""What the migrations make, to compare with."""

import pytest

from tests.integration.conftest import disposed, engine_for
from tests.integration.migrations.schema import schema


@pytest.fixture(scope="session")
def fresh_schema(shared_url: str) -> dict[str, set[str]]:
    """What the migrations make of an empty database."""
    with disposed(engine_for(shared_url)) as engine:
        return schema(engine)
