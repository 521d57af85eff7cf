"""A stage's settings: what cdk.json may say, what follows when it says nothing, what it is told when it is wrong."""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import settings as search
from hypothesis import strategies as st

from cdk.settings.complaints import SettingsError
from cdk.settings.context import ROOT, merged, own_context
from cdk.settings.stage import StageSettings, stage_settings

SECRET = "arn:aws:secretsmanager:eu-west-1:111111111111:secret:mysql-AbCdEf"
CLUSTER = "arn:aws:kafka:eu-west-1:111111111111:cluster/events/0a1b2c3d-1111-2222-3333-444455556666-7"
TOPIC = "arn:aws:sns:eu-central-1:111111111111:operations"
VPC = {"vpc_id": "vpc-0a0a0a0a", "subnet_ids": ["subnet-0a0a0a0a"], "security_group_ids": ["sg-0a0a0a0a"]}
KEY = "arn:aws:kms:eu-west-1:111111111111:key/0a1b2c3d-1111-2222-3333-444455556666"
MSK: dict[str, Any] = {"cluster_arn": CLUSTER, "bootstrap_servers": [], "auth_secret_arn": None}
NEW_KAFKA: dict[str, Any] = {"new": {}, "bootstrap_servers": [], "auth_secret_arn": None}
RDS = {"endpoint": "mysql.abc.eu-west-1.rds.amazonaws.com", "iam_resource_id": "db-ABCDEFGHIJKL01234"}
NEW: dict[str, Any] = {"new": {}, "endpoint": None, "secret_arn": None}
LEAST: dict[str, Any] = {
    "database": {"endpoint": "mysql.internal", "secret_arn": SECRET},
    "kafka": {"bootstrap_servers": ["kafka.internal:9096"], "auth_secret_arn": SECRET},
    "action_base_url": "https://app.example.com",
}


def settings(over: Mapping[str, Any], *, stage: str = "dev") -> StageSettings:
    return stage_settings({stage: merged(LEAST, over)}, stage)


def new_kafka(**new: Any) -> dict[str, Any]:
    """In a VPC over two zones, with one broker in each."""
    return {"network": {"new": True}, "kafka": {**NEW_KAFKA, "new": new}}


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in LEAST.items() if name != key}


def test_what_is_not_said_is_what_the_design_says() -> None:
    """DESIGN sections 4 to 8: deadlines, backoff, prefixes, origins, texts."""
    stage = settings({})
    assert (stage.architecture, stage.python, stage.wheels) == ("arm64", "3.13", "lambda")
    assert (stage.kafka.topic, stage.kafka.batch_size) == ("smartflow.notification.outbox", 500)
    assert (stage.handoff_deadline_seconds, stage.lease_seconds, stage.claim.every_minutes) == (300, 600, 1)
    retry = stage.retry
    assert (retry.base_seconds, retry.cap_seconds, retry.jitter, retry.max_attempts) == (300, 1800, 0.1, 5)
    assert stage.allowed_url_prefixes == ("/assistant/",)
    assert stage.webhook_origins == ("https://www.feishu.cn", "https://feishu.cn")
    assert (stage.message.title, stage.message.action_text) == ("SmartFlow 日程调整建议", "查看并确认调整")
    assert stage.send.feishu_timeout_seconds == 5


def test_a_received_message_is_hidden_for_six_time_outs_unless_said_otherwise() -> None:
    """The queue follows the sender's time-out, so that raising one does not break the other."""
    assert settings({"send": {"timeout_seconds": 90}}).visibility_seconds == 540
    assert settings({"queue": {"visibility_seconds": 700}}).visibility_seconds == 700


def test_a_setting_in_a_section_leaves_its_neighbours_alone() -> None:
    """Sections are laid over each other key by key."""
    stage = settings({"retry": {"cap_seconds": 600}})
    assert (stage.retry.cap_seconds, stage.retry.base_seconds) == (600, 300)


@pytest.mark.parametrize("stage", ["dev", "prod", "local"])
def test_the_stages_of_this_repository_are_valid(stage: str) -> None:
    """What stands in cdk.json can be synthesized as it is."""
    assert stage_settings(own_context()["stages"], stage).name == stage


@pytest.mark.parametrize(
    ("over", "line"),
    [
        ({"sned": {}}, "sned: no such setting; did you mean send?"),
        ({"send": {"max_concurency": 5}}, "send.max_concurency: no such setting; did you mean max_concurrency?"),
        ({"retry": {"x": 1}}, "retry.x: no such setting; there are base_seconds, cap_seconds, jitter, max_attempts"),
        ({"network": {"vpc_id": "vpc-1"}}, 'network.vpc_id: should be the id of a VPC, is "vpc-1"'),
        ({"send": 5}, "send: should be an object of settings, is 5"),
        ({"send": {"max_concurrency": 1}}, "send.max_concurrency: should be a whole number from 2 to 1000, is 1"),
        ({"send": {"concurrency": "8"}}, 'send.concurrency: should be a whole number from 1 to 500, is "8"'),
        ({"send": {"concurrency": True}}, "send.concurrency: should be a whole number from 1 to 500, is true"),
        ({"send": {"concurrency": None}}, "send.concurrency: should be a whole number from 1 to 500, is null"),
        ({"retry": {"jitter": 1.5}}, "retry.jitter: should be a number from 0 to 1, is 1.5"),
        ({"architecture": "arm"}, 'architecture: should be one of arm64, x86_64, is "arm"'),
        ({"python": 3.13}, "python: should be one of 3.11, 3.12, 3.13, 3.14, is 3.13"),
        ({"region": "Frankfurt"}, 'region: should be a region such as ap-southeast-1, is "Frankfurt"'),
        ({"account": 111111111111}, "account: should be a string of 12 digits, is 111111111111"),
        (
            {"ingest": {"timeout_seconds": 841}},
            "ingest.timeout_seconds: should be a whole number from 1 to 840, is 841",
        ),
        ({"database": {"secret_arn": "hongyan"}}, "database.secret_arn: should be the whole ARN of a Secrets Manager"),
        ({"database": {"endpoint": "mysql://h"}}, "database.endpoint: should be a host name or address, without"),
        ({"kafka": {"bootstrap_servers": "k:9092"}}, "kafka.bootstrap_servers: should be a list, each host:port"),
        ({"kafka": {"bootstrap_servers": ["k"]}}, "kafka.bootstrap_servers: should be a list, each host:port"),
        ({"kafka": {"bootstrap_servers": ["k:70000"]}}, "kafka.bootstrap_servers: should be a list, each host:port"),
        ({"kafka": {"new": {"kind": "express"}}}, "kafka.new.kind: should be one of provisioned, serverless"),
        ({"kafka": {"new": {"partitions": 0}}}, "kafka.new.partitions: should be a whole number from 1 to 1000, is 0"),
        ({"kafka": {"new": {"retention_hours": 0}}}, "kafka.new.retention_hours: should be a whole number from 1 to"),
        ({"kafka": {"new": {"brokers": {"version": "new"}}}}, "kafka.new.brokers.version: should be a Kafka version"),
        ({"kafka": {"new": {"brokers": {"per_zone": 11}}}}, "kafka.new.brokers.per_zone: should be a whole number fr"),
        ({"kafka": {"new": {"brokers": {"instance_class": "kafka.t3.small"}}}}, "kafka.new.brokers.instance_class: sh"),
        ({"kafka": {"auth_mechanism": "SCRAM"}}, "kafka.auth_mechanism: should be one of SCRAM-SHA-512, SCRAM-SHA-256"),
        ({"kafka": {"ca_secret_arn": "ca"}}, "kafka.ca_secret_arn: should be the whole ARN of a Secrets Manager secr"),
        ({"kafka": {"secrets_key_arn": "alias/x"}}, "kafka.secrets_key_arn: should be the ARN of a KMS key"),
        ({"kafka": {"pollers": {"minimum": 201}}}, "kafka.pollers.minimum: should be a whole number from 1 to 200"),
        ({"kafka": {"pollers": {"maximum": 2001}}}, "kafka.pollers.maximum: should be a whole number from 1 to 2000"),
        ({"network": {"zones": 4}}, "network.zones: should be one of 2, 3, is 4"),
        ({"kafka": {"window_seconds": 301}}, "kafka.window_seconds: should be a whole number from 0 to 300, is 301"),
        ({"webhook_origins": []}, "webhook_origins: should be a list of at least 1, each an origin"),
        (
            {"webhook_origins": ["https://feishu.cn/"]},
            "webhook_origins: should be a list of at least 1, each an origin",
        ),
        ({"allowed_url_prefixes": ["/a,b/"]}, "allowed_url_prefixes: should be a list of at least 1, each a site path"),
        ({"allowed_url_prefixes": ["//evil"]}, "allowed_url_prefixes: should be a list of at least 1, each a site"),
        (
            {"action_base_url": "https://app.example.com/"},
            "action_base_url: should be an http(s) URL that does not end",
        ),
        ({"message": {"title": ""}}, "message.title: should be one line of up to 100 characters"),
        ({"alarms": {"email": "operations"}}, "alarms.email: should be an e-mail address"),
        ({"alarms": {"topic_arn": "operations"}}, "alarms.topic_arn: should be the ARN of an SNS topic"),
        ({"network": {"new": 1}}, "network.new: should be true or false, is 1"),
        ({"network": {"cidr": "10.0.0.0/8"}}, "network.cidr: should be a block of addresses such as 10.0.0.0/16"),
        ({"network": {"nat": "none"}}, "network.nat: should be one of gateway, instance"),
        (
            {"database": {"iam_resource_id": "mysql-1"}},
            "database.iam_resource_id: should be RDS's resource id",
        ),
        ({"database": {"new": True}}, "database.new: should be an object of settings, is true"),
        ({"database": {"new": {"storage_gb": 19}}}, "database.new.storage_gb: should be a whole number from 20"),
        ({"database": {"new": {"instance_class": "db.t4g.micro"}}}, "database.new.instance_class: should be an inst"),
        ({"database": {"new": {"backup": 1}}}, "database.new.backup: no such setting; did you mean backup_days?"),
        ({"removal_policy": "keep"}, 'removal_policy: should be one of retain, destroy, is "keep"'),
        ({"log_retention_days": 8}, "log_retention_days: should be one of 1, 3, 5, 7"),
    ],
)
def test_a_bad_value_is_one_line_that_names_its_key(over: dict[str, Any], line: str) -> None:
    """Unknown, of another type, out of range: the key as a path, what it should be, what it is."""
    with pytest.raises(SettingsError) as caught:
        settings(over)
    assert str(caught.value).startswith(f"cdk.json, stage dev: {line}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("over", "key"),
    [
        ({"lease_seconds": 60}, "lease_seconds: should be more than send.timeout_seconds (60)"),
        ({"lease_seconds": 3600, "queue": {"retention_seconds": 3600}}, "lease_seconds: should be less than queue.ret"),
        ({"queue": {"visibility_seconds": 359}}, "queue.visibility_seconds: should be at least 6 x send.timeout_s"),
        ({"send": {"timeout_seconds": 5}}, "send.timeout_seconds: should be at least 9"),
        ({"retry": {"base_seconds": 1801}}, "retry.base_seconds: should be at most retry.cap_seconds (1800)"),
        ({"kafka": {"bootstrap_servers": []}}, "kafka.bootstrap_servers: is missing; it should be a list"),
        ({"kafka": {"cluster_arn": CLUSTER}}, "kafka.bootstrap_servers: is for another Kafka than kafka.cluster_arn"),
        ({"kafka": MSK | {"auth_secret_arn": SECRET}}, "kafka.auth_secret_arn: is for another Kafka than kafka.clust"),
        ({"kafka": MSK | {"ca_secret_arn": SECRET}}, "kafka.ca_secret_arn: is for another Kafka than kafka.cluster"),
        ({"kafka": MSK | {"secrets_key_arn": KEY}}, "kafka.secrets_key_arn: is for another Kafka than kafka.cluster"),
        ({"kafka": {"auth_secret_arn": None}}, "kafka.auth_secret_arn: is missing; brokers outside of a VPC"),
        (
            {"network": VPC, "kafka": {"auth_secret_arn": None, "auth_mechanism": "TLS"}},
            "kafka.auth_secret_arn: is missing; with auth_mechanism TLS",
        ),
        (
            {"network": VPC, "kafka": {"auth_secret_arn": None, "secrets_key_arn": KEY}},
            "kafka.secrets_key_arn: is the key of kafka.auth_secret_arn or kafka.ca_secret_arn",
        ),
        ({"kafka": {"pollers": {"minimum": 9, "maximum": 8}}}, "kafka.pollers.minimum: should be at most kafka.pol"),
        ({"kafka": {"new": {}}}, "kafka.bootstrap_servers: is for another Kafka than kafka.new"),
        ({"kafka": NEW_KAFKA | {"cluster_arn": CLUSTER}}, "kafka.cluster_arn: is for another Kafka than kafka.new"),
        ({"kafka": NEW_KAFKA}, "kafka.new: needs a VPC"),
        ({"network": VPC, "kafka": NEW_KAFKA}, "network.subnet_ids: should name at least two, in different zones, wit"),
        (
            {"network": {**VPC, "subnet_ids": [f"subnet-0000000{it}" for it in range(4)]}, "kafka": NEW_KAFKA},
            "network.subnet_ids: should name two or three, in different zones, with kafka.new, names 4",
        ),
        ({"python": "3.11", **new_kafka()}, "python: should be 3.12 or newer with kafka.new"),
        (new_kafka(replication=3), "kafka.new.replication: should be at most the number of brokers (2), is 3"),
        (
            new_kafka(brokers={"storage_gb": 50, "storage_max_gb": 50}),
            "kafka.new.brokers.storage_max_gb: should be more than kafka.new.brokers.storage_gb (50), is 50",
        ),
        (new_kafka(kind="serverless", brokers={}), "kafka.new.brokers: is for kind provisioned"),
        (new_kafka(kind="serverless", replication=2), "kafka.new.replication: is for kind provisioned"),
        ({"network": {"new": True, "zones": 3, "cidr": "10.0.0.0/24"}}, "network.cidr: should be /23 or larger"),
        ({"network": {**VPC, "subnet_ids": []}}, "network.subnet_ids: is missing"),
        ({"network": {**VPC, "security_group_ids": []}}, "network.security_group_ids: is missing"),
        ({"network": {**VPC, "vpc_id": None}}, "network.vpc_id: is missing"),
        ({"network": {**VPC, "new": True}}, "network.new: is instead of an existing VPC"),
        ({"network": {"new": True}, "database": {"new": {}}}, "database.endpoint: is for an existing MySQL"),
        ({"network": {"new": True}, "database": {"new": {}, "endpoint": None}}, "database.secret_arn: is for an exist"),
        ({"database": {"endpoint": None}}, "database.endpoint: is missing; it should say where MySQL listens"),
        ({"database": {"secret_arn": None}}, "database.secret_arn: is missing; with database.endpoint"),
        ({"database": NEW}, "database.new: needs a VPC"),
        (
            {"network": {"new": True}, "database": {**NEW, "new": {"proxy": True}, "port": 3307}},
            "database.port: should be 3306 with database.new.proxy, is 3307",
        ),
        (
            {"network": {"new": True}, "database": NEW, "removal_policy": "destroy"},
            "database.new.deletion_protection: should be false with removal_policy destroy",
        ),
        ({"network": {"endpoints": True}}, "network.endpoints: is for network.new"),
        ({"network": VPC, "database": NEW}, "network.subnet_ids: should name at least two, in different zones"),
        ({"network": {"new": True}, "database": {**NEW, "name": "1"}}, "database.name: should begin with a letter"),
        ({"database": {**RDS, "name": "n" * 26}}, "database.name: should be at most 25 characters: the functions' use"),
        (
            {"network": {"new": True}, "database": {**NEW, "name": "n" * 26}},
            "database.name: should be at most 25 characters",
        ),
        (
            {"network": {"new": True}, "database": {**NEW, "iam_resource_id": "db-A"}},
            "database.iam_resource_id: is for an existing RDS; leave it out with database.new",
        ),
        ({"database": {**RDS, "endpoint": "mysql.internal"}}, "database.endpoint: should be RDS's own name, ending in"),
        ({"database": {**RDS, "ca_file": ""}}, "database.ca_file: should be the path of a certificate bundle"),
        (
            {"alarms": {"email": "ops@example.com", "topic_arn": TOPIC}},
            "alarms.email: is for a new topic; leave it out",
        ),
        ({"region": "eu-west-1", "alarms": {"topic_arn": TOPIC}}, "alarms.topic_arn: should be a topic in eu-west-1"),
        ({"database": {"ca_file": ""}}, "database.ca_file: should be the path of a certificate bundle"),
        ({"wheels": "this-machine"}, "wheels: should be lambda"),
        ({"action_base_url": "http://app.example.com"}, "action_base_url: should begin with https://"),
        ({"webhook_origins": ["http://feishu.cn"]}, "webhook_origins: should each begin with https://"),
    ],
)
def test_settings_that_contradict_each_other_are_one_line_that_names_a_key(over: dict[str, Any], key: str) -> None:
    """What would only fail in production is refused before anything is made."""
    with pytest.raises(SettingsError) as caught:
        settings(over)
    assert str(caught.value).startswith(f"cdk.json, stage dev: {key}")


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (without("database"), "database.endpoint: is missing; it should say where MySQL listens"),
        (without("kafka"), "kafka.bootstrap_servers: is missing"),
        (without("action_base_url"), "action_base_url: is missing; it should be an http(s) URL"),
        ([], "should be an object of settings"),
    ],
)
def test_what_is_missing_is_named(given: object, line: str) -> None:
    """There is no guessing where the database or the users' site is."""
    with pytest.raises(SettingsError) as caught:
        stage_settings({"dev": given}, "dev")
    assert str(caught.value).startswith(f"cdk.json, stage dev: {line}")


@pytest.mark.parametrize(
    "endpoint",
    [
        "mysql.abc.eu-west-1.rds.amazonaws.com",
        "cluster.cluster-abc.eu-west-1.rds.amazonaws.com",
        "mysql.abc.rds.cn-north-1.amazonaws.com.cn",
    ],
)
def test_an_existing_rds_may_let_functions_in_by_iam(endpoint: str) -> None:
    """By the names that RDS gives, in China too."""
    assert settings({"database": {**RDS, "endpoint": endpoint, "name": "n" * 25}}).database.iam_resource_id


def test_an_unknown_stage_is_told_which_there_are() -> None:
    """A typing error in `-c stage=…` must not deploy another stage."""
    with pytest.raises(SettingsError, match="has no stage prd; there are: dev, prod"):
        stage_settings({"dev": LEAST, "prod": LEAST}, "prd")


@pytest.mark.parametrize(
    ("over", "line"),
    [
        ({"network": {"new": True}}, "network.new: is for AWS; leave it out in the local stage"),
        ({"database": NEW}, "database.new: is for AWS; the local stage has a MySQL of its own"),
        ({"kafka": NEW_KAFKA}, "kafka.new: is for AWS; the local stage has a Kafka of its own"),
        ({"kafka": {"pollers": {}}}, "kafka.pollers: is for AWS; leave it out in the local stage"),
        ({"database": RDS}, "database.iam_resource_id: is for AWS; the local stage has a MySQL of its own"),
    ],
)
def test_the_local_stage_has_one_stack(over: dict[str, Any], line: str) -> None:
    """Its MySQL is this machine's, and there is no VPC."""
    with pytest.raises(SettingsError) as caught:
        settings(over, stage="local")
    assert str(caught.value) == f"cdk.json, stage local: {line}"


def test_only_the_local_stage_may_do_without_tls_and_logins() -> None:
    """One machine has neither a certificate nor anyone to keep out."""
    plain = {
        "database": {"ca_file": ""},
        "kafka": {"auth_secret_arn": None},
        "wheels": "this-machine",
        "action_base_url": "http://127.0.0.1:8000",
        "webhook_origins": ["http://127.0.0.1:9000"],
    }
    assert settings(plain, stage="local").is_local


@search(deadline=None)  # a slow machine is no failure
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.dictionaries(st.text(), x)))
def test_whatever_json_a_stage_is_the_answer_is_settings_or_one_line(value: Any) -> None:
    """No traceback reaches the person who edits cdk.json."""
    for key in ("kafka", "network", "send", "python", "webhook_origins"):
        assert len(complaint({key: json.loads(json.dumps(value))}).splitlines()) <= 1


def complaint(over: Mapping[str, Any]) -> str:
    try:
        settings(over)
    except SettingsError as error:
        return str(error)
    return ""


def test_every_setting_is_documented_as_it_is() -> None:
    """docs/settings.md has a row for each key with its default and what it should be, and no other rows."""
    lines = (ROOT / "docs" / "settings.md").read_text().splitlines()
    rows = [line.rsplit(" | ", 1)[0] for line in lines if line.startswith("| `")]
    assert rows == [f"| `{key}` | {default} | {rule}" for key, default, rule in documented(StageSettings)]


def documented(section: type[Any], at: str = "") -> Iterator[tuple[str, str, str]]:
    hints = get_type_hints(section, include_extras=True)
    for field in dataclasses.fields(section):
        inner = section_of(hints[field.name])
        if inner:
            yield from documented(inner, f"{at}{field.name}.")
        elif field.name != "name" or at:
            yield f"{at}{field.name}", shown(field.default), str(get_args(hints[field.name])[1])


def shown(default: object) -> str:
    if default is None:
        return "–"
    return "required" if default is dataclasses.MISSING else f"`{json.dumps(default, ensure_ascii=False)}`"
