"""What a synthesis says."""

import pytest

from tests.infra.app_process import OneRun


@pytest.fixture(scope="session")
def printed(alone: OneRun) -> str:
    """What `make synth` prints."""
    return alone.printed
