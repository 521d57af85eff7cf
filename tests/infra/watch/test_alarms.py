"""Each alarm goes off at what the stage's settings say, and tells whom the stage says."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.infra import watched
from tests.infra.conftest import Synthesis
from tests.infra.templates import BROKERS, FUNCTIONS, MSK, Resource, Template

TOPIC = "arn:aws:sns:ap-southeast-1:111111111111:operations"
MAIL: Mapping[str, Any] = {"alarms": {"email": "operations@example.com"}}


@pytest.fixture(scope="module")
def mailing(synth: Synthesis) -> Template:
    return synth("dev", MAIL)


def test_without_a_setting_alarms_only_show(stages: Mapping[str, Template]) -> None:
    """There is no topic that nobody would read."""
    for template in stages.values():
        assert not any("AlarmActions" in alarm for alarm in template.all("AWS::CloudWatch::Alarm"))
        assert not template.all("AWS::SNS::Topic")


def test_an_existing_topic_is_told_of_every_alarm_and_of_its_end(synth: Synthesis) -> None:
    """This stack neither makes nor changes it."""
    template = synth("dev", {"alarms": {"topic_arn": TOPIC}})
    told = [(it["AlarmActions"], it["OKActions"]) for it in template.all("AWS::CloudWatch::Alarm")]
    assert told == [([TOPIC], [TOPIC])] * len(told)
    assert not template.all("AWS::SNS::Topic") + template.all("AWS::SNS::TopicPolicy")


def test_an_address_gets_a_topic_that_mails(mailing: Template) -> None:
    """One topic, every alarm, one subscription."""
    subscription, topic = mailing.one("AWS::SNS::Subscription"), mailing.one("AWS::SNS::Topic")
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", "operations@example.com")
    assert mailing.named(subscription["TopicArn"]) == topic
    for alarm in mailing.all("AWS::CloudWatch::Alarm"):
        assert [mailing.named(it) for it in (*alarm["AlarmActions"], *alarm["OKActions"])] == [topic, topic]


def test_alarms_may_use_the_encrypted_topic_and_its_key(mailing: Template) -> None:
    """Without both grants CloudWatch silently fails to publish."""
    key = mailing.named(mailing.one("AWS::SNS::Topic")["KmsMasterKeyId"])
    assert key["EnableKeyRotation"] is True
    granted = [*key["KeyPolicy"]["Statement"], *mailing.one("AWS::SNS::TopicPolicy")["PolicyDocument"]["Statement"]]
    allowed = [it for it in granted if it["Principal"] == {"Service": "cloudwatch.amazonaws.com"}]
    assert [it["Action"] for it in allowed] == [["kms:Decrypt", "kms:GenerateDataKey*"], "sns:Publish"]
    for statement in allowed:
        assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_only_the_silence_of_schedules_and_of_kafka_s_poller_is_an_alarm(dev: Template) -> None:
    """No data elsewhere means that nothing was sent. Claim, relay and prune tick, and an empty poll counts 0."""
    missing = {name: alarm["TreatMissingData"] for name, alarm in watched.alarms(dev).items()}
    silent = {missing.pop(name) for name in ("ClaimStopped", "RelayStopped", "PruneBehind", "KafkaSilent")}
    assert silent == {"breaching"}
    assert set(missing.values()) == {"notBreaching"}


def test_claim_is_missed_after_five_ticks_of_the_stage_s_schedule(dev: Template, synth: Synthesis) -> None:
    """Five minutes by default."""
    assert evaluated(watched.alarms(dev)["ClaimStopped"]) == (60, 5)
    assert evaluated(watched.alarms(synth("dev", {"claim": {"every_minutes": 7}}))["ClaimStopped"]) == (420, 5)


def test_a_relay_is_missed_after_five_minutes_and_a_row_that_waits_after_ten(dev: Template) -> None:
    """A row reaches Kafka in a second or two. One that Kafka refuses is tried again for a quarter of an hour or so."""
    made = watched.alarms(dev)
    assert evaluated(made["RelayStopped"]) == (60, 5)
    assert (evaluated(made["OutboxWaits"]), made["OutboxWaits"]["Threshold"]) == ((300, 1), 600)


def test_a_dead_row_is_an_alarm_at_once_and_kafka_s_absence_when_it_lasts(dev: Template) -> None:
    """Brokers are patched one after another, which costs some runs of the relay a few seconds."""
    made = watched.alarms(dev)
    assert [(*evaluated(made[it]), made[it]["Threshold"]) for it in ("OutboxDead", "KafkaTakesNothing")] == [
        (300, 1, 1),
        (300, 3, 1),
    ]


def test_a_stage_without_a_relay_has_none_of_its_alarms(dev: Template, synth: Synthesis) -> None:
    """Nobody would ever answer them."""
    gone = {*watched.alarms(dev)} - {*watched.alarms(synth("dev", {"relay": None}))}
    assert gone == {"RelayErrors", "RelayStopped", "OutboxWaits", "OutboxDead", "KafkaTakesNothing"}


def evaluated(alarm: Resource) -> tuple[int, int]:
    (metric,) = [it["MetricStat"] for it in alarm["Metrics"]]
    return metric["Period"], alarm["EvaluationPeriods"]


def test_thresholds_follow_the_settings_that_they_mean(synth: Synthesis) -> None:
    """The lease, the schedule and the batch size."""
    over = {"lease_seconds": 700, "claim": {"every_minutes": 7}, "kafka": {"batch_size": 40}}
    made = watched.alarms(synth("dev", over))
    assert made["SendQueueOld"]["Threshold"] == 700
    assert made["DueRecordsWait"]["Threshold"] == 600 + 7 * 60
    assert made["KafkaLag"]["Threshold"] == 40


@pytest.mark.parametrize("kafka", [{}, BROKERS, MSK])
def test_a_source_that_cannot_connect_is_an_alarm_whoever_made_the_cluster(
    kafka: Mapping[str, Any], synth: Synthesis
) -> None:
    """By the mapping's own metrics, which it is asked for; an idle topic is no silence."""
    template = synth("dev", {"kafka": kafka})
    assert template.source("ingest")["MetricsConfig"] == {"Metrics": ["EventCount", "ErrorCount"]}
    silent, failing = (watched.alarms(template)[it] for it in ("KafkaSilent", "KafkaPollingErrors"))
    for alarm, name in ((silent, "PolledEventCount"), (failing, "PollingErrorCount")):
        (metric,) = [it["MetricStat"]["Metric"] for it in alarm["Metrics"]]
        (dimension,) = metric["Dimensions"]
        assert (metric["Namespace"], metric["MetricName"]) == ("AWS/Lambda", name)
        assert dimension["Name"] == "EventSourceMappingUUID"
        assert template.named(dimension["Value"]) == template.source("ingest")
        assert evaluated(alarm) == (300, 3)
    assert (silent["ComparisonOperator"], silent["Threshold"]) == ("LessThanThreshold", 0)


@pytest.mark.parametrize(("per_zone", "alarms"), [(3, [6]), (5, [10]), (6, [10, 2]), (10, [10, 10])])
def test_every_broker_s_storage_is_watched_however_many_there_are(
    per_zone: int, alarms: list[int], synth: Synthesis
) -> None:
    """An alarm on an expression holds ten metrics, so more brokers have more alarms; the page shows all."""
    template = synth("dev", {"kafka": {"new": {"brokers": {"per_zone": per_zone}}}})
    full = {name: it for name, it in watched.alarms(template).items() if name.startswith("KafkaFull")}
    assert sorted(full) == ["KafkaFull", "KafkaFull2"][: len(alarms)]
    assert [len(watched.of_alarm(full[name])) for name in sorted(full)] == alarms
    every = set().union(*map(watched.of_alarm, full.values()))
    assert len(every) == 2 * per_zone
    assert every <= watched.of_dashboard(template)
    assert all(it["AlarmDescription"].endswith("See docs/runbook.md, KafkaFull.") for it in full.values())


def test_dead_letters_and_rejects_count_from_the_first(dev: Template) -> None:
    """Each of them is a defect, so one is too many."""
    for name in ("DeadLetters", "Rejects"):
        alarm = watched.alarms(dev)[name]
        assert (alarm["Threshold"], alarm["EvaluationPeriods"]) == (1, 1)
        assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"


def test_every_function_s_errors_are_an_alarm_of_their_own(dev: Template) -> None:
    """It goes off after three bad periods, not after one."""
    for word in FUNCTIONS:
        alarm = watched.alarms(dev)[f"{word.capitalize()}Errors"]
        (dimension,) = alarm["Metrics"][0]["MetricStat"]["Metric"]["Dimensions"]
        assert dev.named(dimension["Value"]) == dev.function(word)
        assert evaluated(alarm) == (3600 if word == "prune" else 300, 3)


def test_prune_is_behind_when_a_row_is_a_day_past_its_days(synth: Synthesis) -> None:
    """Each kind of row by its own setting, at the pace of the schedule; what is kept for ever is not watched."""
    days = {"record_days": 30, "reject_days": 0, "outbox_days": 2, "every_minutes": 120}
    alarm = watched.alarms(synth("dev", {"prune": days}))["PruneBehind"]
    (over,) = [it["Expression"] for it in alarm["Metrics"] if "Expression" in it]
    assert over == f"MAX([records - {30 * 86_400}, outbox - {2 * 86_400}])"
    assert {(it["Id"], it["MetricStat"]["Period"]) for it in alarm["Metrics"] if "MetricStat" in it} == {
        ("records", 7200),
        ("outbox", 7200),
    }
    assert (alarm["ComparisonOperator"], alarm["Threshold"], alarm["EvaluationPeriods"]) == (
        "GreaterThanThreshold",
        86_400,
        3,
    )


def test_where_everything_is_kept_for_ever_nothing_of_it_is_watched(synth: Synthesis) -> None:
    """There is no age to compare, and no silence to be afraid of."""
    template = synth("dev", {"prune": {"record_days": 0, "reject_days": 0, "outbox_days": 0}})
    assert "PruneBehind" not in watched.alarms(template)
    assert not {name for _, name, _ in watched.own(watched.of_dashboard(template))} & {"Pruned", "OldestKeptAge"}
