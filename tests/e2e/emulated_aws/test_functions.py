"""Functions run as on Lambda: its environment and nothing else, its limits, one event at a time in each worker."""

import json
import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from local.lambda_.event_sources.event_size import MAX_EVENT_BYTES
from tests.e2e.emulated_aws.toy_deployment import Toys
from tests.e2e.emulated_aws.toy_template import TOYS, function, layer
from tests.waiting import is_gone, until

Deploy = Callable[..., Toys]


@pytest.fixture
def probe(deploy: Deploy) -> Toys:
    return deploy({"Probe": function("probe", environment={"GREETING": "hello"}, Timeout=30, MemorySize=384)})


def test_a_function_sees_the_template_s_environment_and_lambda_s_own(probe: Toys) -> None:
    """Nothing of the machine's environment reaches it; of the local stack only the SDK's standard endpoint."""
    seen = probe.answer("Probe", {})
    environment = seen["environment"]
    assert environment["GREETING"] == "hello"
    assert environment["AWS_ENDPOINT_URL"] == probe.aws.endpoint_url
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == probe.function("Probe").name
    assert environment["TZ"] == ":UTC"
    assert seen["memory"] == "384"
    assert 0 < seen["milliseconds_left"] <= 30_000
    assert seen["directory"] == environment["LAMBDA_TASK_ROOT"] == str(TOYS / "probe")
    of_lambda = {name for name in environment if name.startswith(("AWS_", "LAMBDA_"))}
    assert environment.keys() - of_lambda == {"GREETING", "TZ", "LANG", "LC_CTYPE", "PATH", "PYTHONPATH", "_HANDLER"}


def test_a_function_can_import_what_is_deployed_and_what_lambda_ships_alone(probe: Toys) -> None:
    """Nothing else of our .venv or of the checkout: it would work here and fail on Lambda."""
    for name in ("aws_cdk", "moto", "confluent_kafka", "local", "cdk", "delivery", "pytest", "pip"):
        assert probe.answer("Probe", {"import": name}) == "not there"
    for name in ("boto3", "botocore", "awslambdaric"):
        assert f"lambda-runtime/{name}/" in probe.answer("Probe", {"import": name})


def test_a_later_layer_replaces_files_of_an_earlier_one(deploy: Deploy) -> None:
    """As when Lambda unpacks them over each other in /opt."""
    toys = deploy(
        {
            "One": layer("layer_one"),
            "Two": layer("layer_two"),
            "Probe": function("probe", Layers=[{"Ref": "One"}, {"Ref": "Two"}]),
        }
    )
    assert toys.answer("Probe", {"import": "who"}) == f"from {TOYS / 'layer_two/python/who.py'}"
    assert toys.answer("Probe", {"import": "only_one"}) == f"from {TOYS / 'layer_one/python/only_one.py'}"


def test_running_a_function_writes_nothing_into_its_assets(probe: Toys) -> None:
    """They are read-only on Lambda, and a change of them would be a new asset."""
    probe.answer("Probe", {})
    assert not [*TOYS.rglob("__pycache__"), *TOYS.rglob("*.pyc")]


def test_an_exception_is_an_answer_and_the_worker_stays(probe: Toys) -> None:
    """As on Lambda, where the execution environment survives it."""
    pid = probe.answer("Probe", {})["pid"]
    answer = probe.invoke("Probe", {"raise": "no such luck"})
    assert answer.error == "ValueError: no such luck"
    assert json.loads(answer.payload)["errorType"] == "ValueError"
    assert probe.answer("Probe", {})["pid"] == pid


def test_the_template_s_time_out_ends_an_event_and_its_worker(deploy: Deploy) -> None:
    """The next event gets a new worker."""
    probe = deploy({"Probe": function("probe", Timeout=2)})
    pid = probe.answer("Probe", {})["pid"]
    answer = probe.invoke("Probe", {"sleep": 60})
    assert answer.error == "Task timed out after 2.00 seconds"
    assert probe.answer("Probe", {})["pid"] != pid
    until(lambda: is_gone(pid))


def test_a_slow_import_does_not_count_against_the_time_out(deploy: Deploy) -> None:
    """Lambda imports the handler in a phase of its own, of up to ten seconds, and then gives it the event."""
    slow = deploy({"Probe": function("probe", environment={"IMPORT_SECONDS": "3"}, Timeout=2)})
    assert slow.answer("Probe", {})["milliseconds_left"] > 1_000


def test_a_handler_that_cannot_be_imported_fails_each_event_with_the_reason(deploy: Deploy) -> None:
    """And keeps no worker that would fail the next one for another reason."""
    broken = deploy({"Probe": function("probe", environment={"IMPORT_FAILS": "yes"})}, workers=1)
    assert [broken.invoke("Probe", {}).error for _ in range(2)] == ["ValueError: as asked for"] * 2


@pytest.mark.parametrize("event", [{"exit": 1}, {"exit": 0}, {"answer_of_bytes": 7_000_000}])
def test_a_worker_that_dies_is_replaced(probe: Toys, event: dict[str, int]) -> None:
    """By its own doing, or because its answer was over 6 MB."""
    assert probe.invoke("Probe", event).error is not None
    assert probe.answer("Probe", {})


def test_a_worker_killed_between_two_events_fails_neither(probe: Toys) -> None:
    """The pool notices before it hands out the next event."""
    pid = probe.answer("Probe", {})["pid"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: is_gone(pid))
    assert probe.answer("Probe", {})["pid"] != pid


def test_a_worker_killed_with_an_event_in_hand_is_an_error_and_replaced(deploy: Deploy) -> None:
    """What a crash of a function looks like from the outside."""
    probe = deploy({"Probe": function("probe", Timeout=60)}, workers=1)
    with ThreadPoolExecutor(1) as threads:
        doomed = threads.submit(probe.invoke, "Probe", {"sleep": 60})
        (worker,) = until(probe.pool("Probe").busy)
        pid = until(worker.runtime_pid)
        assert pid
        os.kill(pid, signal.SIGKILL)
        assert doomed.result().error is not None
    assert probe.answer("Probe", {})


def test_an_event_as_large_as_lambda_allows_arrives(probe: Toys) -> None:
    """Six megabytes, less what stands around the ballast."""
    ballast = "x" * (MAX_EVENT_BYTES - 100)
    assert probe.answer("Probe", {"ballast": ballast})


def test_events_at_once_are_spread_over_workers_and_queued_beyond(deploy: Deploy) -> None:
    """A worker gets one event at a time, since two would crash it; an event alone goes to a warm worker."""
    probe = deploy({"Probe": function("probe")}, workers=3)
    alone = {probe.answer("Probe", {})["pid"] for _ in range(3)}
    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(lambda _: probe.answer("Probe", {"sleep": 0.5}), range(12)))
    assert (len(alone), len({answer["pid"] for answer in answers})) == (1, 3)


def test_nothing_of_a_closed_pool_is_left(probe: Toys) -> None:
    """Not the emulator, and not the function below it, which is in a process group of its own."""
    pid = probe.answer("Probe", {})["pid"]
    probe.pool("Probe").close()
    until(lambda: is_gone(pid))
    assert "ending" in str(probe.invoke("Probe", {}).error)
