"""Small decisions of the local data plane: what an answer means, what fits into an event, when a schedule ticks."""

import json
from threading import Event

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.lambda_.emulator import InvokeResult, lost_worker, parse_answer
from local.lambda_.event_sources.event_size import MAX_RECORDS_BYTES, split_by_size
from local.lambda_.event_sources.schedule import minutes_between_ticks, run_schedule
from local.lambda_.event_sources.sqs_event import failed_items
from local.machine.processes import CannotStartError
from local.template.deployment import Schedule

_ERROR = {"errorMessage": "no", "errorType": "ValueError", "requestId": "1", "stackTrace": []}


def test_an_answer_with_the_shape_of_an_error_is_one() -> None:
    """The emulator says HTTP 200 to it; the environment lives on."""
    answer = parse_answer(200, json.dumps(_ERROR).encode())
    assert (answer.error, answer.worker_lost) == ("ValueError: no", False)


@pytest.mark.parametrize("body", [b"", b"null", b'{"errorMessage": "part of my answer"}', b'"text"', b"[1]"])
def test_any_other_json_is_a_good_answer(body: bytes) -> None:
    """Also an answer that only talks of errors."""
    answer = parse_answer(200, body)
    assert (answer.error, answer.worker_lost, answer.payload) == (None, False, body)


def test_plain_text_is_a_time_out() -> None:
    """The emulator says HTTP 200 to it too, after killing the runtime."""
    answer = parse_answer(200, b"Task timed out after 3.00 seconds")
    assert (answer.error, answer.worker_lost) == ("Task timed out after 3.00 seconds", True)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b'{"errorType":"Runtime.ExitError","errorMessage":"exit status 1"}', "Runtime.ExitError: exit status 1"),
        (b"", "the emulator gave no reason"),
        (b"[]", "[]"),
        (b"\xff", "\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_any_other_status_is_a_dead_runtime(body: bytes, error: str) -> None:
    """Whatever it says about it."""
    answer = parse_answer(502, body)
    assert (answer.error, answer.worker_lost) == (error, True)


@settings(max_examples=25, deadline=None)  # megabytes each
@given(st.lists(st.integers(0, MAX_RECORDS_BYTES // 3 * 4), max_size=8))
def test_parcels_keep_every_record_in_order_and_fit(sizes: list[int]) -> None:
    """Only a record that is too large by itself makes a parcel that is."""
    records = [f"{index}{'x' * size}" for index, size in enumerate(sizes)]
    packed = list(split_by_size(records))
    assert [record for parcel in packed for record in parcel] == records
    assert all(len(",".join(parcel)) <= MAX_RECORDS_BYTES or len(parcel) == 1 for parcel in packed)


@pytest.mark.parametrize(
    ("response", "failed"),
    [
        (b"", set()),
        (b"null", set()),
        (b"{}", set()),
        (b'{"batchItemFailures": null}', set()),
        (b'{"batchItemFailures": []}', set()),
        (b'{"batchItemFailures": [{"itemIdentifier": "a"}]}', {"a"}),
        (b'{"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "a"}]}', {"a"}),
        (b'{"batchItemFailures": [{"itemIdentifier": ""}]}', {"a", "b"}),
        (b'{"batchItemFailures": [{"itemIdentifier": null}]}', {"a", "b"}),
        (b'{"batchItemFailures": [{"itemIdentifier": {}}]}', {"a", "b"}),
        (b'{"batchItemFailures": [{"item": "a"}]}', {"a", "b"}),
        (b'{"batchItemFailures": ["a"]}', {"a", "b"}),
        (b'{"batchItemFailures": "a"}', {"a", "b"}),
        (b'{"batchItemFailures": 1}', {"a", "b"}),
        (b'"a"', {"a", "b"}),
        (b"not json", {"a", "b"}),
        (b"\xff", {"a", "b"}),
    ],
)
def test_a_partial_batch_response_is_read_as_lambda_reads_it(response: bytes, failed: set[str]) -> None:
    """Nothing said is success; nonsense gives back the whole batch."""
    assert failed_items(response, ["a", "b"]) == failed


@pytest.mark.parametrize(
    ("expression", "minutes"),
    [("rate(1 minute)", 1), ("rate(5 minutes)", 5), ("rate(2 hours)", 120), ("rate(1 day)", 1440)],
)
def test_a_rate_is_so_many_minutes(expression: str, minutes: int) -> None:
    assert minutes_between_ticks(_schedule(expression)) == minutes


@pytest.mark.parametrize("expression", ["cron(0 12 * * ? *)", "rate(0 minutes)", "at(2026-01-01T00:00:00)", "often"])
def test_a_schedule_that_is_no_rate_is_refused_by_name(expression: str) -> None:
    """The message shows the expression and what could stand there."""
    with pytest.raises(CannotStartError) as refusal:
        minutes_between_ticks(_schedule(expression))
    assert str(refusal.value) == f"Tick: the local clock knows rate(N minutes|hours|days), not {expression}"


def test_a_run_that_the_end_of_the_stack_cuts_off_is_not_reported() -> None:
    """The relay looks for rows as long as it may: the demo's last line would not be its last."""
    stop, began, reports = Event(), Event(), list[str]()

    def invoke(_event: bytes) -> InvokeResult:
        began.set()
        stop.wait()
        return lost_worker("RemoteDisconnected")

    every_minute = _schedule("rate(1 minute)")
    with run_schedule(every_minute, invoke, minute_seconds=0.01, workers=1, stop=stop, report=reports.append):
        assert began.wait(10)
    assert reports == []


def _schedule(expression: str) -> Schedule:
    return Schedule(logical_id="Tick", function="f", expression=expression, input=None, retries=0)
