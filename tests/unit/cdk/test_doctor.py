"""What the doctor concludes from what AWS says, where moto cannot say it."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from cdk.doctor.__main__ import line, main, summary
from cdk.doctor.capacity import CONCURRENCY, concurrency, judged_concurrency, judged_zones, needs
from cdk.doctor.deployed import judged_function, judged_queue_source, judged_source, judged_topic
from cdk.doctor.finding import Finding, fail, ok, something_fails, warn
from cdk.doctor.identity import judged_region
from cdk.doctor.network import Subnet, judged_subnets, lets
from cdk.doctor.secrets import judged_secret, wanted
from cdk.doctor.servers import judged_cluster
from cdk.doctor.stacks import judged_stack
from cdk.doctor.trial import Trial, judged_attempt, judged_ingest, kafka_event
from cdk.settings.sections.kafka import ExistingMsk
from delivery.aws.kafka_event import kafka_records
from delivery.domain.contract import Accepted, judge
from tests.unit.cdk.stages import BROKERS, CLUSTER, LEAST, NEW, SECRET, VPC, settings

TOPIC = "smartflow.notification.outbox"
SOURCE = {"Topics": [TOPIC], "State": "Enabled"}


@pytest.mark.parametrize(
    ("status", "verdict", "remedy"),
    [
        (None, "ok", ""),
        ("CREATE_COMPLETE", "ok", ""),
        ("UPDATE_COMPLETE", "ok", ""),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "warn", "wait"),
        ("ROLLBACK_COMPLETE", "warn", "make deploy STAGE=dev"),
        ("ROLLBACK_FAILED", "fail", "console"),
        ("DELETE_FAILED", "fail", "console"),
        ("UPDATE_ROLLBACK_FAILED", "fail", "console"),
        ("UPDATE_ROLLBACK_COMPLETE", "warn", "make deploy STAGE=dev"),
    ],
)
def test_a_stack_s_state_says_whether_to_deploy_or_to_wait(status: str | None, verdict: str, remedy: str) -> None:
    found = judged_stack("hongyan-dev-data", status, "dev")
    assert found.verdict == verdict
    assert remedy in found.remedy


@pytest.mark.parametrize(
    ("last", "state", "verdict", "remedy"),
    [
        ("OK", "Enabled", "ok", ""),
        ("No records processed", "Enabled", "ok", ""),
        ("No records processed", "Creating", "warn", "wait"),
        (
            "PROBLEM: Connection error. Your VPC must reach Lambda and STS.",
            "Enabled",
            "fail",
            "way out",
        ),
        ("PROBLEM: SASL authentication failed.", "Enabled", "fail", "the login is refused"),
        ("PROBLEM: Cluster failed to authorize Lambda.", "Enabled", "fail", "the login is refused"),
        ("PROBLEM: The topic is not found.", "Enabled", "fail", "create the topic"),
        ("PROBLEM: something new", "Enabled", "fail", "KafkaLag"),
    ],
)
def test_a_source_s_last_result_says_what_to_mend(last: str, state: str, verdict: str, remedy: str) -> None:
    found = judged_source([{**SOURCE, "State": state, "LastProcessingResult": last}], TOPIC)
    assert found.verdict == verdict
    assert remedy in found.remedy


@pytest.mark.parametrize(
    ("last", "state", "verdict", "remedy"),
    [
        ("OK", "Enabled", "ok", ""),
        ("No records processed", "Updating", "warn", "wait"),
        ("PROBLEM: Function call failed", "Enabled", "fail", "docs/runbook.md, SendErrors"),
    ],
)
def test_a_queue_s_source_is_judged_by_the_same_states(last: str, state: str, verdict: str, remedy: str) -> None:
    source = {"EventSourceArn": "arn:aws:sqs:eu-west-1:1:q", "State": state, "LastProcessingResult": last}
    found = judged_queue_source("send", [source], "nothing is sent")
    assert found.verdict == verdict
    assert remedy in found.remedy


def test_a_source_of_another_topic_is_no_source_of_this_one() -> None:
    assert judged_source([{**SOURCE, "Topics": ["old"]}], TOPIC).found == f"ingest reads old, not {TOPIC}"
    assert judged_source([], TOPIC).verdict == "fail"


def test_a_function_that_lambda_could_not_update_says_why() -> None:
    assert judged_function("send", {"State": "Active", "LastUpdateStatus": "Successful"}).verdict == "ok"
    assert judged_function("send", {"State": "Inactive"}).verdict == "ok"  # it was idle for weeks, and comes back
    failed = {"State": "Failed", "StateReason": "The subnet has no free addresses"}
    assert judged_function("send", failed).found == "The subnet has no free addresses"
    update = {"State": "Active", "LastUpdateStatus": "Failed", "LastUpdateStatusReason": "ENI limit"}
    assert judged_function("send", update).found == "ENI limit"


def test_a_topic_that_cannot_be_made_says_the_broker_s_words() -> None:
    assert judged_topic({"from": 3, "to": 6}, failed=False).found == "6 partitions"
    refused = judged_topic({"errorMessage": "not authorized"}, failed=True)
    assert (refused.verdict, refused.found) == ("fail", "cannot be made: not authorized")


@pytest.mark.parametrize(("limit", "verdict"), [(1_000, "ok"), (17, "ok"), (16, "fail"), (10, "fail")])
def test_a_new_account_s_concurrency_may_be_too_small(limit: int, verdict: str) -> None:
    """Five senders, six partitions of a new topic, and what else runs."""
    assert concurrency(settings(NEW)) == 17
    assert concurrency(settings({**NEW, "relay": {}})) == 19
    found = judged_concurrency(limit, 17)
    assert found.verdict == verdict
    assert (CONCURRENCY.code in found.remedy) is (verdict == "fail")


def test_only_what_is_new_needs_room() -> None:
    assert [(quota.name, number) for quota, number in needs(settings(NEW))] == [
        ("VPCs", 1),
        ("Elastic IP addresses", 1),
        ("RDS instances", 1),
        ("MSK brokers", 2),
    ]
    assert [*needs(settings(LEAST))] == []


def test_a_region_with_two_zones_cannot_have_three() -> None:
    found = judged_zones(["us-west-1a", "us-west-1c"], 3)
    assert found.verdict == "fail"
    assert "network.zones to 2" in found.remedy
    assert judged_zones(["a", "b"], 2).verdict == "ok"
    unseen = judged_zones(["a", "b"], 2, ["b", "c"])
    assert unseen.found.startswith("this account sees no c; ")


def test_a_stage_without_a_region_is_warned_of() -> None:
    assert judged_region("eu-west-1", settings(LEAST)).verdict == "warn"
    assert judged_region("eu-west-1", settings({**LEAST, "region": "eu-west-1"})).verdict == "ok"


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"zone": "a"}, "two are in one zone"),
        ({"way_out": "igw-1"}, "no way out to Feishu and AWS: subnet-0b0b0b0b (igw-1)"),
        ({"way_out": ""}, "no way out to Feishu and AWS: subnet-0b0b0b0b (no route)"),
        ({"vpc": "vpc-other"}, "subnet-0b0b0b0b: not in vpc-0a0a0a0a"),
    ],
)
def test_a_subnet_that_does_not_do_is_named(changes: Mapping[str, str], found: str) -> None:
    first, second = VPC["subnet_ids"]
    vpc = str(VPC["vpc_id"])
    good = {"vpc": vpc, "block": "10.0.0.0/24", "way_out": "nat-1"}
    subnets = [Subnet(id=first, zone="a", **good), Subnet(**{"id": second, "zone": "b", **good, **changes})]
    (only,) = judged_subnets(subnets, VPC["subnet_ids"], vpc)
    assert only.verdict == "fail"
    assert only.found.startswith(found)


@pytest.mark.parametrize(
    ("rule", "open_"),
    [
        ({"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}, True),
        ({"IpProtocol": "tcp", "FromPort": 3000, "ToPort": 4000, "UserIdGroupPairs": [{"GroupId": "sg-1"}]}, True),
        ({"IpProtocol": "tcp", "FromPort": 3306, "ToPort": 3306, "UserIdGroupPairs": [{"GroupId": "sg-2"}]}, False),
        ({"IpProtocol": "tcp", "FromPort": 3307, "ToPort": 3307, "UserIdGroupPairs": [{"GroupId": "sg-1"}]}, False),
        ({"IpProtocol": "udp", "FromPort": 3306, "ToPort": 3306, "UserIdGroupPairs": [{"GroupId": "sg-1"}]}, False),
        ({"IpProtocol": "tcp", "FromPort": 3306, "ToPort": 3306, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}, True),
        ({"IpProtocol": "tcp", "FromPort": 3306, "ToPort": 3306, "IpRanges": [{"CidrIp": "10.1.0.0/16"}]}, False),
    ],
)
def test_a_rule_lets_in_a_group_or_the_whole_of_a_subnet(*, rule: Mapping[str, Any], open_: bool) -> None:
    assert lets([rule], 3306, groups=["sg-1"], blocks=["10.0.0.0/24"]) is open_


def test_a_secret_is_named_by_its_whole_arn() -> None:
    """`…:secret:mysql-secret` looks whole, and Secrets Manager finds it; IAM does not."""
    found = judged_secret("database.secret_arn", "arn:secret:mysql-secret", SECRET)
    assert (found.verdict, found.found) == ("fail", f"its whole ARN is {SECRET}")


def test_what_a_secret_must_say_depends_on_its_reader() -> None:
    tls = {**BROKERS, "auth_mechanism": "TLS", "ca_secret_arn": SECRET}
    stage = settings({**LEAST, "kafka": tls})
    assert wanted(stage, "kafka.auth_secret_arn") == ("certificate", "privateKey")
    assert wanted(stage, "kafka.ca_secret_arn") == ("certificate",)
    assert wanted(settings(LEAST), "kafka.auth_secret_arn") == ("username", "password")
    assert wanted(stage, "database.secret_arn") == ("username", "password")


def test_a_serverless_cluster_has_iam_logins_too() -> None:
    login = {"ClientAuthentication": {"Sasl": {"Iam": {"Enabled": True}}}}
    cluster = {"State": "ACTIVE", "ClusterName": "events", "Serverless": login}
    assert judged_cluster(cluster, ExistingMsk.model_validate({"cluster_arn": CLUSTER})).verdict == "ok"


@pytest.mark.parametrize(
    ("mechanism", "on", "off"),
    [
        ("SCRAM-SHA-512", {"Sasl": {"Scram": {"Enabled": True}}}, "SASL/SCRAM is off"),
        ("TLS", {"Tls": {"Enabled": True}}, "TLS client authentication is off"),
    ],
)
def test_a_cluster_must_take_the_login_that_the_stage_has(mechanism: Any, on: Mapping[str, Any], off: str) -> None:
    login = {"auth_secret_arn": SECRET, "auth_mechanism": mechanism}
    settings = ExistingMsk.model_validate({"cluster_arn": CLUSTER, **login})
    cluster = {"State": "ACTIVE", "ClusterName": "events"}
    assert judged_cluster({**cluster, "Provisioned": {"ClientAuthentication": on}}, settings).verdict == "ok"
    by_iam = {"Sasl": {"Iam": {"Enabled": True}}}
    assert judged_cluster({**cluster, "Provisioned": {"ClientAuthentication": by_iam}}, settings).found == off


def test_only_who_calls_out_needs_a_way_out() -> None:
    """Of an existing VPC, MySQL's subnets and those of the functions inside have none."""
    subnet = Subnet(id="subnet-1", vpc="vpc-1", zone="a", block="10.0.0.0/24", way_out="")
    for key, verdict in (("network.send.subnet_ids", "fail"), ("network.inside.subnet_ids", "ok")):
        (found,) = judged_subnets([subnet], ["subnet-1"], "vpc-1", key=key)
        assert (found.check, found.verdict) == (key, verdict)


def test_the_test_event_is_one_that_ingest_accepts() -> None:
    """Its link begins as the stage's settings allow."""
    stage = settings({**LEAST, "allowed_url_prefixes": ["/plans/", "/assistant/"]})
    event = kafka_event(Trial(user=7, name="doctor-1"), stage, now=datetime.now(UTC))
    (record,) = kafka_records(dict(event))
    verdict = judge(record.value, url_prefixes=stage.allowed_url_prefixes)
    assert isinstance(verdict, Accepted)
    assert verdict.record.user_id == 7


@pytest.mark.parametrize(
    ("line", "verdict", "found"),
    [
        ({"outcome": "sent", "latency_ms": 120}, "ok", "user 7 has the message"),
        ({"outcome": "skipped", "code": "no_channel", "reason": "no channel"}, "warn", "user 7 is not reached"),
        ({"outcome": "failed", "code": "network_error", "reason": "timed out"}, "fail", "failed: network_error: timed"),
        (None, "fail", "no attempt in send's log within 90 s"),
    ],
)
def test_what_send_logged_of_the_test_event_is_the_verdict(line: Any, verdict: str, found: str) -> None:
    told = judged_attempt(line, Trial(user=7))
    assert told.verdict == verdict
    assert found in told.found


def test_ingest_has_to_record_the_test_event() -> None:
    assert judged_ingest({"received": 1, "requested": 1, "rejected": 0}, failed=False).verdict == "ok"
    assert judged_ingest({"received": 1, "requested": 0, "rejected": 1}, failed=False).verdict == "fail"
    assert "Task timed out" in judged_ingest({"errorMessage": "Task timed out"}, failed=True).found


def test_a_finding_is_a_line_and_what_to_do_stands_below_it() -> None:
    findings = [ok("a", "good"), warn("b", "unclear", "look"), fail("c", "bad", "mend")]
    assert [*map(line, findings)] == ["ok    a: good", "warn  b: unclear\n      → look", "fail  c: bad\n      → mend"]
    assert summary(findings) == "\n1 ok, 1 to look at, 1 to mend"
    assert something_fails(findings)
    assert not something_fails(findings[:2])


def test_a_stage_that_is_not_on_aws_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--stage", "local"]) == 1
    assert "local is not on AWS" in capfd.readouterr().err
    assert main(["--stage", "prd"]) == 1
    assert "has no stage prd" in capfd.readouterr().err


def test_json_is_a_list_of_all_findings(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The exit status says whether something fails, as it does with lines."""
    found = [ok("a", "good"), fail("c", "坏", "mend")]
    monkeypatch.setattr("cdk.doctor.__main__.examination", lambda *_: iter(found))
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert main(["--json"]) == 1
    assert [Finding(**it) for it in json.loads(capfd.readouterr().out)] == found
    found.pop()
    assert main([]) == 0
    assert capfd.readouterr().out == "ok    a: good\n\n1 ok, 0 to look at, 0 to mend\n"
