"""The order of the test files, which of them are long, and a garbage collector that ignores the collected tests."""

import gc
from functools import cache
from pathlib import Path

import pytest

_TESTS = Path(__file__).parent

#: What breaks a whole stack or a broker, deploys into moto, or sweeps over all settings: CI runs it beside `make test`.
_LONG = [
    "e2e/test_demo.py",
    "e2e/test_interrupted_start.py",
    "e2e/test_mysql_outage.py",
    "e2e/test_relay.py",
    "e2e/test_sam.py",
    "e2e/trouble",
    "infra/doctor",
    "infra/test_changes.py",
    "infra/test_checks.py",
    "infra/test_deployment.py",
    "infra/test_first_deployment.py",
    "infra/test_prod_deployment.py",
    "infra/test_rehearsal.py",
    "integration/relay/test_kafka_logins.py",
    "integration/relay/test_order_through_trouble.py",
    "integration/relay/test_producing.py",
    "integration/test_local_kafka.py",
    "outages",
]

#: The longest begin first, so that in the end no process waits for another one's. What waits most is spread over them.
_FIRST = [
    "infra/test_deployment.py",
    "infra/test_prod_deployment.py",
    "e2e/test_stack.py",
    "integration/test_function_users.py",
    "infra/test_changes.py",
    "e2e/test_sam.py",
    "e2e/test_demo.py",
    "e2e/test_mysql_outage.py",
    "integration/relay/test_producing.py",
    "e2e/test_relay.py",
    "integration/test_local_kafka.py",
    "infra/test_clean_import.py",
    "e2e/test_interrupted_start.py",
    "outages/test_faults.py",
    "infra/test_app.py",
    "infra/test_checks.py",
]

gc.disable()  # until all tests are collected


def pytest_collection_finish() -> None:
    """Thousands of tests live as long as the process. To look at them again and again takes a fifth of its time."""
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """What a run leaves out is not imported either, since each of its processes would import all of it."""
    runs: str = config.option.markexpr
    if runs == "not long":
        return _is_long(collection_path) or None
    if runs == "long" and collection_path.name.startswith("test_"):
        return not _is_long(collection_path) or None
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {_TESTS / name: place for place, name in enumerate(_FIRST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))
    for item in items:
        if _is_long(item.path):
            item.add_marker(pytest.mark.long)


@cache
def _is_long(path: Path) -> bool:
    return any(path.is_relative_to(_TESTS / name) for name in _LONG)
