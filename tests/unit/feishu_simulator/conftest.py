"""One simulator for each test file, without faults and calls at the start of each test; and an HTTP client."""

from collections.abc import Iterator

import pytest
import urllib3

from local.feishu import FeishuSimulator


@pytest.fixture(scope="module")
def server() -> Iterator[FeishuSimulator]:
    with FeishuSimulator() as simulator:
        yield simulator


@pytest.fixture
def feishu(server: FeishuSimulator) -> FeishuSimulator:
    server.clear_faults()
    server.clear_calls()
    return server


@pytest.fixture
def http() -> Iterator[urllib3.PoolManager]:
    with urllib3.PoolManager(retries=False, timeout=10, maxsize=100) as pool:
        yield pool
