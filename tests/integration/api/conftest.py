"""The API's function, anew for each test, on the tests' MySQL."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.integration.api.stage import Stage, api_stage


@pytest.fixture(scope="module")
def deployed(shared_url: str) -> Iterator[Stage]:
    with api_stage(shared_url) as stage:
        yield stage


@pytest.fixture
def stage(deployed: Stage, engine: Engine) -> Stage:
    assert engine  # empties the tables
    deployed.forget()
    return deployed
