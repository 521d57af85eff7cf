"""A service of ours is away for hours: no record uses an attempt or is dead of it, and afterwards each is sent once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from delivery.domain.record import Status
from hongyan.commands.publish import example_event
from local.lambda_.emulator import InvokeResult
from tests.e2e.trouble.conftest import MySql
from tests.e2e.trouble.gate import Gate, Refusal
from tests.e2e.trouble.service import Service, batch
from tests.infra import watched

#: more than a record has attempts
HOURS = 7
DENIED = Refusal("AccessDeniedException", "the key policy does not allow kms:Decrypt")
NO_SECRET = Refusal("AccessDeniedException", "User is not authorized to perform: secretsmanager:GetSecretValue")
NO_QUEUE = Refusal("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")
PENDING = (Status.PENDING.value, 0)
LEASED = (Status.SENDING.value, 0)
SENT = (Status.SENT.value, 1)


def hours(service: Service) -> list[InvokeResult]:
    return [service.hour() for _ in range(HOURS)]


def complaints(service: Service, word: str, message: str) -> list[dict[str, Any]]:
    return [line for line in service.log(word) if line.get("message") == message]


def counted(service: Service, word: str, alarm: str) -> float:
    """What the function added to the metric that this alarm watches."""
    watches = watched.of_alarm(watched.alarms(service.template)[alarm])
    emissions = [line for line in service.log(word) if "_aws" in line]
    return sum(
        sum(line[name])
        for line in emissions
        for space, name, dimensions in watches
        if _has(line, space, name, dimensions)
    )


def _has(line: Mapping[str, Any], space: str, name: str, dimensions: frozenset[tuple[str, str]]) -> bool:
    """A line in CloudWatch's embedded format, of a namespace, with a metric in these dimensions."""
    return any(
        directive["Namespace"] == space
        and name in [metric["Name"] for metric in directive["Metrics"]]
        and {(key, line[key]) for key in directive["Dimensions"][0]} == dimensions
        for directive in line["_aws"]["CloudWatchMetrics"]
    )


def test_without_kms_whose_credentials_are_at_hand_are_sent_and_the_others_wait(service: Service, gate: Gate) -> None:
    """User 1's are in plain text, as the Go service's are. The others go out when KMS answers again."""
    service.plain_channel(1)
    service.sealed_channel(2)
    service.make_cold()
    with gate.refuses("kms", DENIED):
        service.invoke("ingest", batch(example_event(1, "plain"), example_event(2, "sealed")))
        service.send()
        assert service.states() == {1: SENT, 2: PENDING}
        hours(service)
        assert (service.states()[2], service.arrived(), service.history()) == (LEASED, [1], ["delivered"])
        held = complaints(service, "send", "not sent for now: credentials cannot be decrypted")
        assert {line["why"] for line in held} == {f"KMS: {DENIED.told}"}
        assert counted(service, "send", "Held") == len(held) == HOURS + 1
    service.make_cold()
    service.hour()
    assert (service.states(), service.arrived()) == ({1: SENT, 2: SENT}, [1, 2])


def test_without_secrets_manager_batches_come_again_and_records_wait(service: Service, gate: Gate) -> None:
    """Each function fails in AWS's words. One that has a password goes on with it."""
    service.sealed_channel(1)
    service.sealed_channel(2)
    waiting, later = batch(example_event(1, "waits")), batch(example_event(2, "comes again"))
    service.invoke("ingest", waiting)
    service.make_cold()
    with gate.refuses("secretsmanager", NO_SECRET):
        answers = [service.invoke("ingest", later), *service.send(), *hours(service)]
        assert len(answers) == 2 + HOURS
        for answer in answers:
            assert answer.error
            assert f"({NO_SECRET.code})" in answer.error
            assert answer.error.endswith(NO_SECRET.words)
        assert (service.states(), service.arrived()) == ({1: PENDING}, [])
    assert service.invoke("ingest", later).error is None
    service.hour()
    assert (service.states(), service.arrived()) == ({1: SENT, 2: SENT}, [1, 2])
    service.end_connections()
    with gate.refuses("secretsmanager", NO_SECRET):
        assert service.invoke("ingest", later).error is None
    [told] = complaints(service, "ingest", "the database's secret cannot be read")
    assert told["why"] == NO_SECRET.told


def test_without_the_send_queue_records_wait_in_mysql(service: Service, gate: Gate) -> None:
    """Kafka's batch is acknowledged all the same, and claim leases nothing that it could not publish."""
    service.sealed_channel(1)
    with gate.refuses("sendqueue", NO_QUEUE):
        assert service.invoke("ingest", batch(example_event(1, "waits"))).error is None
        hours(service)
        assert (service.states(), service.arrived()) == ({1: PENDING}, [])
        for word, times in (("ingest", 1), ("claim", HOURS)):
            refused = complaints(service, word, "a queue refuses")
            assert {line["why"] for line in refused} == {f"the send queue: {NO_QUEUE.told}"}
            assert counted(service, word, "QueueRefuses") == len(refused) == times
    service.hour()
    assert (service.states(), service.arrived()) == ({1: SENT}, [1])


def test_without_the_report_queue_all_but_ended_leases_goes_out(service: Service, gate: Gate) -> None:
    """User 2's sender died: whether its message was sent, only that queue could tell."""
    service.sealed_channel(1)
    service.sealed_channel(2)
    service.invoke("ingest", batch(example_event(1, "new"), example_event(2, "its sender died")))
    with service.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE notification_records SET status = 'sending', attempt_count = 1 WHERE user_id = 2"
        )
    with gate.refuses("reportqueue", NO_QUEUE):
        hours(service)
        assert (service.states(), service.arrived()) == ({1: SENT, 2: (Status.SENDING, 1)}, [1])
        refused = complaints(service, "claim", "a queue refuses")
        assert {line["why"] for line in refused} == {f"the report queue: {NO_QUEUE.told}"}
        assert counted(service, "claim", "QueueRefuses") == len(refused) == HOURS
    service.hour()
    assert (service.states(), service.arrived()) == ({1: SENT, 2: (Status.SENT, 2)}, [1, 2])


def test_without_mysql_batches_come_again_and_records_wait(service: Service, mysql: MySql) -> None:
    """Each function fails and says which server was not there. What was published is sent when it is back."""
    service.sealed_channel(1)
    service.sealed_channel(2)
    service.invoke("ingest", batch(example_event(1, "waits")))
    later = batch(example_event(2, "comes again"))
    mysql.end()
    answers = [service.invoke("ingest", later), service.invoke("claim"), *service.send()]
    assert len(answers) == 3
    for answer in answers:
        assert f"MySQL at 127.0.0.1:{mysql.port} was not reached: [Errno 111] Connection refused" in str(answer.error)
    mysql.start()
    assert (service.states(), service.history()) == ({1: PENDING}, [])
    assert service.invoke("ingest", later).error is None
    service.hour()
    assert (service.states(), service.arrived()) == ({1: SENT, 2: SENT}, [1, 2])
