"""Each alarm goes off at what the stage's settings say, and tells whom the stage says."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.infra import watched
from tests.infra.conftest import Synthesis
from tests.infra.templates import FUNCTIONS, Resource, Template

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


def test_only_the_silence_of_claim_is_an_alarm(dev: Template) -> None:
    """No data elsewhere means that nothing was sent; claim ticks every minute, so silence means that it stopped."""
    missing = {name: alarm["TreatMissingData"] for name, alarm in watched.alarms(dev).items()}
    assert missing.pop("ClaimStopped") == "breaching"
    assert set(missing.values()) == {"notBreaching"}


def test_claim_is_missed_after_five_ticks_of_the_stage_s_schedule(dev: Template, synth: Synthesis) -> None:
    """Five minutes by default."""
    assert evaluated(watched.alarms(dev)["ClaimStopped"]) == (60, 5)
    assert evaluated(watched.alarms(synth("dev", {"claim": {"every_minutes": 7}}))["ClaimStopped"]) == (420, 5)


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
        assert evaluated(alarm) == (300, 3)
