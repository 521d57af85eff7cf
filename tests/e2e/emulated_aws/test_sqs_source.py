"""Queues feed functions by Lambda's rules: in batches; failed messages return, and end as dead letters."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.emulated_aws.journal import Journal
from tests.e2e.emulated_aws.toy_deployment import Toys
from tests.e2e.emulated_aws.toy_template import function, queue, queue_mapping
from tests.waiting import until

Deploy = Callable[..., Toys]
#: Seconds for which a message is hidden. The first outlasts any test, however busy the machine is.
_LONG, _SHORT = 300, 3


@pytest.fixture
def toys(deploy: Deploy, journal: Journal) -> Callable[..., Toys]:
    """A queue, its dead-letter queue and a function on it, with more properties of the mapping as asked for."""

    def made(workers: int = 3, hidden: int = _LONG, **mapping: Any) -> Toys:
        running = deploy(
            {
                "Dead": queue(),
                "Queue": queue(
                    VisibilityTimeout=hidden,
                    RedrivePolicy={"deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arn"]}, "maxReceiveCount": 2},
                ),
                "Journal": function("journal", environment={"JOURNAL": str(journal.file)}),
                "Source": queue_mapping("Journal", "Queue", **mapping),
            },
            workers=workers,
        )
        if hidden < _LONG:
            _warm_up(running, journal)
        return running

    return made


def _warm_up(running: Toys, journal: Journal) -> None:
    """A cold start on a busy machine could outlast a short visibility time-out, and all messages would come again."""
    assert running.invoke("Journal", {}).error is None
    journal.file.unlink()


def test_messages_come_in_one_event_and_are_deleted(toys: Callable[..., Toys], journal: Journal) -> None:
    """In the shape that Lambda gives them."""
    running = toys()
    running.put("Queue", *({"number": number} for number in range(10)))
    with running.sources():
        until(lambda: journal.events() and not running.messages_in("Queue"))
    (event,) = journal.events()
    assert [json.loads(record["body"])["number"] for record in event["Records"]] == list(range(10))
    record = event["Records"][0]
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"] == running.deployment.queue_mappings[0].queue_arn
    assert record["awsRegion"] == "us-east-1"
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert record.keys() == {
        *("messageId", "receiptHandle", "body", "attributes", "messageAttributes", "md5OfBody"),
        *("eventSource", "eventSourceARN", "awsRegion"),
    }


def test_a_batch_is_no_larger_than_the_mapping_says(toys: Callable[..., Toys], journal: Journal) -> None:
    """Seven messages in batches of up to three are three batches at least."""
    running = toys(BatchSize=3)
    running.put("Queue", *range(0), *({"number": number} for number in range(7)))
    with running.sources():
        until(lambda: not running.messages_in("Queue"))
    assert max(map(len, journal.bodies())) == 3
    assert sum(map(len, journal.bodies())) == 7


def test_a_window_gathers_what_comes_one_after_the_other(toys: Callable[..., Toys], journal: Journal) -> None:
    """Up to the batch size, and more than one call of SQS can give."""
    running = toys(BatchSize=12, MaximumBatchingWindowInSeconds=60)
    running.put("Queue", *({"number": number} for number in range(6)))
    with running.sources():
        running.put("Queue", *({"number": number} for number in range(6, 12)))
        until(journal.events)
    assert [len(bodies) for bodies in journal.bodies()] == [12]


def test_only_the_messages_that_a_function_gives_back_come_again(toys: Callable[..., Toys], journal: Journal) -> None:
    """The others of the batch are done. Given back twice, a message is dead."""
    running = toys(hidden=_SHORT, FunctionResponseTypes=["ReportBatchItemFailures"])
    running.put("Queue", {"number": 1}, {"number": 2, "give_back": True}, {"number": 3})
    with running.sources():
        until(lambda: running.messages_in("Dead"))
    first, *again = journal.bodies()
    assert len(first) == 3
    assert again == [[json.dumps({"number": 2, "give_back": True})]]
    assert running.messages_in("Queue") == 0


def test_without_partial_responses_a_function_that_returns_has_taken_all(
    toys: Callable[..., Toys], journal: Journal
) -> None:
    """What it says of failures means nothing to a mapping that does not ask for it."""
    running = toys()
    running.put("Queue", {"give_back": True})
    with running.sources():
        until(lambda: journal.events() and not running.messages_in("Queue"))
    assert not running.messages_in("Dead")


def test_an_answer_that_makes_no_sense_gives_back_the_whole_batch(toys: Callable[..., Toys], journal: Journal) -> None:
    """Better twice than never."""
    running = toys(hidden=_SHORT, FunctionResponseTypes=["ReportBatchItemFailures"])
    running.put("Queue", {"answer": {"batchItemFailures": [{"itemIdentifier": "of nobody"}]}}, {"number": 2})
    with running.sources():
        until(lambda: running.messages_in("Dead") == 2)
    assert [len(bodies) for bodies in journal.bodies()] == [2, 2]


def test_a_function_that_fails_gets_its_batch_again_and_then_it_is_dead(toys: Callable[..., Toys]) -> None:
    """After as many receives as the redrive policy says."""
    running = toys(hidden=_SHORT)
    running.put("Queue", {"fails_without": "/never/there"}, {"number": 2})
    with running.sources():
        until(lambda: running.messages_in("Dead") == 2)
    assert running.messages_in("Queue") == 0
    assert [report.partition("; ")[2] for report in running.reports] == ["2 messages will be visible again"] * 2


def test_what_failed_for_a_while_succeeds_later(toys: Callable[..., Toys], journal: Journal, tmp_path: Path) -> None:
    """Nothing but the visibility time-out brings it back."""
    running = toys(hidden=_SHORT)
    mended = tmp_path / "mended"
    running.put("Queue", {"fails_without": str(mended)})
    with running.sources():
        until(lambda: running.reports)
        mended.touch()
        until(lambda: not running.messages_in("Queue"))
    assert len(journal.events()) == 2
    assert not running.messages_in("Dead")


def test_no_more_functions_run_at_once_than_the_mapping_says(toys: Callable[..., Toys], journal: Journal) -> None:
    """With two allowed and five workers, six slow batches take three rounds."""
    running = toys(workers=5, BatchSize=1, ScalingConfig={"MaximumConcurrency": 2})
    running.put("Queue", *({"sleep": 0.2} for _ in range(6)))
    with running.sources():
        until(lambda: not running.messages_in("Queue"))
    assert len(journal.events()) == 6
    assert journal.most_at_once() == 2


def test_what_is_in_hand_at_the_end_is_finished(toys: Callable[..., Toys], journal: Journal) -> None:
    """And deleted: it would be done twice otherwise."""
    running = toys()
    running.put("Queue", {"sleep": 0.5})
    with running.sources():
        until(journal.events)
    assert running.messages_in("Queue") == 0
