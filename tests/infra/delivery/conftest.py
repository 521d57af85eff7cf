"""A stage that is in an existing VPC."""

import pytest

from tests.infra.conftest import Synthesis
from tests.infra.templates import MYSQL, VPC, Template


@pytest.fixture(scope="session")
def placed(synth: Synthesis) -> Template:
    """prod in an existing VPC, with an existing MySQL."""
    return synth("prod", {"network": VPC, "database": MYSQL})
