"""An account in this process, for what asks AWS itself."""

from collections.abc import Iterator
from functools import cache

import botocore.session
import pytest
from moto import mock_aws

#: Each of boto3's sessions would read the descriptions of all services anew, which takes longer than its calls here.
_one_loader = cache(botocore.session.create_loader)


@pytest.fixture
def empty_account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An account in this process, for what asks AWS itself."""
    monkeypatch.setattr(botocore.session, "create_loader", _one_loader)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield
