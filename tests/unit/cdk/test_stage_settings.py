"""A stage's settings: defaults, how keys choose the kind of a section, and which contradictions are refused."""

import json
from types import NoneType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk.error import SettingsError
from cdk.settings.context import merged, own_context
from cdk.settings.sections.database import ExistingMySql, ExistingRds, NewMySql, rds_region
from cdk.settings.sections.functions import AlarmsByMail, AlarmsToTopic
from cdk.settings.sections.kafka import ExistingMsk, NewKafka, OwnBrokers, ProvisionedMsk, ServerlessMsk
from cdk.settings.sections.network import ExistingVpc, NewVpc
from cdk.settings.stage import stage_settings
from tests.unit.cdk.stages import (
    BROKERS,
    CLUSTER,
    KEY,
    LEAST,
    MYSQL,
    NEW,
    RDS,
    SECRET,
    TOPIC,
    VPC,
    lines,
    over,
    settings,
)

IN_VPC = {**LEAST, "network": VPC, "database": RDS}
FOUR_SUBNETS = {**VPC, "subnet_ids": [f"subnet-0000000{it}" for it in range(4)]}
IN_RDS = {**MYSQL, "endpoint": "mysql.abc.eu-west-1.rds.amazonaws.com"}
OF_MSK = (
    "b-1.events.0a1b2c.c2.kafka.eu-west-1.amazonaws.com:9098",
    "boot-0a1b2c3d.c1.kafka-serverless.eu-west-1.amazonaws.com:9098",
    "b-2.events.0a1b2c.c3.kafka.cn-north-1.amazonaws.com.cn:9096",
)
SERVERLESS = {"kind": "serverless", "brokers": {}}
ONE_SUBNET = {**VPC, "subnet_ids": ["subnet-0a0a0a0a"]}
TWO_ZONES = "needs a VPC over two zones: network.new, or network.vpc_id with at least two subnets"


def test_what_is_not_said_is_what_the_design_says() -> None:
    """Deadlines, backoff, prefixes, origins, texts."""
    stage = settings(LEAST)
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
    assert settings({**LEAST, "send": {"timeout_seconds": 90}}).visibility_seconds == 540
    assert settings({**LEAST, "queue": {"visibility_seconds": 700}}).visibility_seconds == 700


@pytest.mark.parametrize("stage", ["dev", "prod", "local"])
def test_the_stages_of_this_repository_are_valid(stage: str) -> None:
    """What stands in cdk.json can be synthesized as it is."""
    assert stage_settings(own_context()["stages"], stage).name == stage


@pytest.mark.parametrize(
    ("section", "given", "kind"),
    [
        ("network", None, NoneType),
        ("network", {"new": True}, NewVpc),
        ("network", VPC, ExistingVpc),
        ("database", {"new": {}}, NewMySql),
        ("database", MYSQL, ExistingMySql),
        ("database", RDS, ExistingRds),
        ("kafka", {"new": {}}, NewKafka),
        ("kafka", {"cluster_arn": CLUSTER}, ExistingMsk),
        ("kafka", BROKERS, OwnBrokers),
        ("alarms", None, NoneType),
        ("alarms", {"topic_arn": TOPIC}, AlarmsToTopic),
        ("alarms", {"email": "ops@example.com"}, AlarmsByMail),
    ],
)
def test_the_keys_of_a_section_choose_its_kind(section: str, given: Any, kind: type[object]) -> None:
    """Each kind takes only what belongs to it."""
    assert type(getattr(settings({**LEAST, "network": {"new": True}, section: given}), section)) is kind


def test_a_new_kafka_is_provisioned_unless_it_says_serverless() -> None:
    """As the cheaper of the two."""
    for said, kind in (({}, ProvisionedMsk), ({"kind": "serverless"}, ServerlessMsk)):
        kafka = settings(merged(NEW, {"kafka": {"new": said}})).kafka
        assert isinstance(kafka, NewKafka)
        assert type(kafka.new) is kind


NO_VPC_KIND = "network: should be an object with new or vpc_id, is {"
NO_KAFKA_KIND = "kafka: should be an object with new, cluster_arn or bootstrap_servers, is {}"


@pytest.mark.parametrize(
    ("section", "given", "line"),
    [
        ("network", {**VPC, "new": True}, "network.vpc_id: does not go with network.new; leave one of them out"),
        ("network", {**VPC, "new": False}, "network.new: should be true, or left out, is false"),
        ("network", {"subnet_ids": VPC["subnet_ids"]}, NO_VPC_KIND),
        ("network", {**VPC, "new": None}, "network.new: should be true, or left out, is null"),
        ("network", {"endpoints": True}, NO_VPC_KIND),
        ("network", {"vpc_id": VPC["vpc_id"]}, "network.subnet_ids: is missing; it should be a list of at least 1, ea"),
        ("database", {**MYSQL, "new": {}}, "database.endpoint: does not go with database.new; leave one of them out"),
        ("database", {**RDS, "new": {}}, "database.iam_resource_id: does not go with database.new; leave one of them"),
        ("database", {"new": {}, "secret_arn": SECRET}, "database.secret_arn: does not go with database.new; leave on"),
        ("database", {}, "database: should be an object with new or endpoint, is {}"),
        ("database", {"endpoint": "h"}, "database.secret_arn: is missing; it should be the whole ARN of a Secrets Man"),
        ("kafka", {**BROKERS, "new": {}}, "kafka.bootstrap_servers: does not go with kafka.new; leave one of them out"),
        ("kafka", {"cluster_arn": CLUSTER, "new": {}}, "kafka.cluster_arn: does not go with kafka.new; leave one of t"),
        (
            "kafka",
            {**BROKERS, "cluster_arn": CLUSTER},
            "kafka.bootstrap_servers: does not go with kafka.cluster_arn; l",
        ),
        ("kafka", {"new": SERVERLESS}, "kafka.new.brokers: does not go with kafka.new.kind serverless; leave one of t"),
        ("kafka", {**BROKERS, "topic": None}, "kafka.topic: should be a topic name, is null"),
        ("kafka", {}, NO_KAFKA_KIND),
        ("alarms", {"topic_arn": TOPIC, "email": "o@example.com"}, "alarms.email: does not go with alarms.topic_arn;"),
    ],
)
def test_what_belongs_to_another_kind_or_is_missing_is_named(section: str, given: Any, line: str) -> None:
    """With what it does not go with."""
    found = lines({**LEAST, "network": {"new": True}, section: given})
    assert [it[: len(line)] for it in found if it.startswith(line)] == [line]


@pytest.mark.parametrize(
    ("stage", "changes", "line"),
    [
        (LEAST, {"lease_seconds": 60}, "lease_seconds: should be more than send.timeout_seconds (60), is 60"),
        (
            LEAST,
            {"lease_seconds": 3600, "queue": {"retention_seconds": 3600}},
            "queue.retention_seconds: should be more than lease_seconds (3600), is 3600",
        ),
        (LEAST, {"queue": {"visibility_seconds": 359}}, "queue.visibility_seconds: should be at least 6 x send.timeou"),
        (LEAST, {"send": {"feishu_timeout_seconds": 57}}, "send.timeout_seconds: should be at least 64, send.feishu_t"),
        (LEAST, {"retry": {"base_seconds": 1801}}, "retry.cap_seconds: should be at least retry.base_seconds (1801),"),
        (LEAST, {"kafka": {"auth_secret_arn": None}}, "kafka.auth_secret_arn: is missing; brokers outside of a VPC (n"),
        (
            {**LEAST, "network": VPC},
            {"kafka": {"auth_secret_arn": None, "auth_mechanism": "TLS"}},
            "kafka.auth_secret_arn: is missing; TLS needs a certificate and its private key",
        ),
        (
            {**LEAST, "network": VPC},
            {"kafka": {"auth_secret_arn": None, "secrets_key_arn": KEY}},
            "kafka.secrets_key_arn: is the key of kafka.auth_secret_arn or kafka.ca_secret_arn; leave it out without",
        ),
        (LEAST, {"kafka": {"pollers": {"minimum": 9, "maximum": 8}}}, "kafka.pollers.maximum: should be at least kafk"),
        ({**LEAST, "kafka": {"new": {}}}, {}, f"kafka.new: {TWO_ZONES}"),
        ({**NEW, "database": MYSQL, "network": ONE_SUBNET}, {}, f"kafka.new: {TWO_ZONES}"),
        ({**NEW, "network": FOUR_SUBNETS}, {}, "kafka.new: needs two or three subnets, each in a zone of its own; the"),
        (NEW, {"python": "3.11"}, "kafka.new: needs python 3.12 or newer, whose system its client runs on; python is"),
        (NEW, {"kafka": {"new": {"replication": 3}}}, "kafka.new.replication: should be at most the number of brokers"),
        (
            NEW,
            {"kafka": {"new": {"brokers": {"storage_gb": 50, "storage_max_gb": 50}}}},
            "kafka.new.brokers.storage_max_gb: should be more than kafka.new.brokers.storage_gb (50), is 50",
        ),
        (
            NEW,
            {"kafka": {"new": {"retention_hours": 2161}}},
            "prune.record_days: should be 0 or at least 91, as long as kafka.new.retention_hours keeps events in the t",
        ),
        (NEW, {"prune": {"record_days": 6}}, "prune.record_days: should be 0 or at least 7, as long as kafka.new.ret"),
        ({**LEAST, "database": {"new": {}}}, {}, f"database.new: {TWO_ZONES}"),
        ({**LEAST, "database": {"new": {}}, "network": ONE_SUBNET}, {}, f"database.new: {TWO_ZONES}"),
        (NEW, {"removal_policy": "destroy"}, "removal_policy: should be retain, or database.new.deletion_protection f"),
        (NEW, {"database": {"name": "1"}}, "database.name: should be a letter and up to 24 more, digits or _, is "),
        (NEW, {"database": {"name": "n" * 26}}, "database.name: should be a letter and up to 24 more, digits or _, is"),
        (IN_VPC, {"database": {"name": "n" * 26}}, "database.name: should be up to 25 letters, di"),
        (
            IN_VPC,
            {"database": {"endpoint": "mysql.internal"}},
            "database.endpoint: should be RDS's ",
        ),
        (LEAST, {"database": {"ca_file": ""}}, "database.ca_file: should be the path of a certificate bundle; empty ("),
        (
            {**LEAST, "region": "eu-west-1"},
            {"data_key_arn": KEY.replace("eu-west-1", "eu-west-2")},
            "data_key_arn: should be in eu-west-1, the stage's region, is arn",
        ),
        (LEAST, {"data_key_arn": KEY, "old_data_key_arns": [KEY]}, "old_data_key_arns: leave out arn"),
        (
            {**LEAST, "database": IN_RDS},
            {},
            "network: is missing; an RDS is reached from within its VPC (network.vpc_id",
        ),
        *[
            (
                LEAST,
                {"kafka": {"bootstrap_servers": [broker]}},
                f"kafka.bootstrap_servers: {broker} belongs to MSK; give",
            )
            for broker in OF_MSK
        ],
        (LEAST, {"wheels": "this-machine"}, "wheels: should be lambda, is this-machine, which is for the local stage"),
        (LEAST, {"action_base_url": "http://a.example"}, "action_base_url: should begin with https://, is http://a.ex"),
        (LEAST, {"webhook_origins": ["http://feishu.cn"]}, "webhook_origins: should begin with https://, is http://fe"),
        (
            LEAST,
            {"api": {"tokens": {"issuer": "http://127.0.0.1:9000", "audience": ["a"]}}},
            "api.tokens.issuer: should begin with https://, is http://127.0.0.1:9000",
        ),
        (LEAST, {"database": {"secret_arn": SECRET.rpartition("-")[0]}}, "database.secret_arn: should be the whole AR"),
    ],
)
def test_settings_that_contradict_each_other_are_one_line_that_names_a_key(stage: Any, changes: Any, line: str) -> None:
    """What would only fail in production is refused before anything is made."""
    [found] = lines(over(stage, changes))
    assert found.startswith(line)


@pytest.mark.parametrize(("days", "hours"), [(7, 168), (0, 8_760), (90, 2_160)])
def test_records_are_remembered_for_as_long_as_their_topic_keeps_events(days: int, hours: int) -> None:
    """Or for ever; of a topic of somebody else's nobody knows how long that is."""
    over_new = {"prune": {"record_days": days}, "kafka": {"new": {"retention_hours": hours}}}
    assert settings(over(NEW, over_new)).prune.record_days == days
    assert settings({**LEAST, "prune": {"record_days": 1}}).prune.record_days == 1


def test_every_arn_is_in_the_stage_s_region() -> None:
    """Elsewhere a function would look for it in vain."""
    stage = {**LEAST, "region": "eu-central-1", "alarms": {"topic_arn": TOPIC}}
    elsewhere = ["database.secret_arn", "kafka.auth_secret_arn", "alarms.topic_arn"]
    found = lines(stage)
    assert [line.partition(":")[0] for line in found] == elsewhere
    assert all(": should be in eu-central-1, the stage's region, is arn:" in line for line in found)
    assert settings({**stage, "region": "eu-west-1"}).region == "eu-west-1"


def test_a_path_is_no_key() -> None:
    """A section is an object, as docs/settings.md says of `a.b`."""
    assert lines({**LEAST, "send.concurrency": 1})[0].startswith("send.concurrency: no such setting; ")


def test_all_mistakes_of_a_stage_are_told_at_once() -> None:
    """Wrong, unknown, missing, of another kind, and contradictions between what is right."""
    stage: dict[str, Any] = {
        "regoin": "eu-west-1",
        "network": {"new": True, "vpc_id": "vpc-1"},
        "database": {"new": {"storage_gb": 1}},
        "kafka": {"new": {"partitions": 0, "kind": "express"}, "window_seconds": 301},
        "send": {"max_concurrency": 1001},
        "claim": [],
        "queue": {"retention_seconds": 600},
        "allowed_url_prefixes": ["/ok/", "//evil", "no"],
    }
    assert lines(stage) == [
        "network.vpc_id: does not go with network.new; leave one of them out",
        "database.new.storage_gb: should be a whole number from 20 to 16384, is 1",
        "kafka.window_seconds: should be a whole number from 0 to 300, is 301",
        "kafka.new.partitions: should be a whole number from 1 to 1000, is 0",
        'kafka.new.kind: should be one of provisioned, serverless, is "express"',
        "claim: should be an object of settings, is []",
        "send.max_concurrency: should be a whole number from 2 to 1000, is 1001",
        "action_base_url: is missing; it should be an http(s) URL that does not end in a slash",
        'allowed_url_prefixes: should be a list of at least 1, each a site path such as /assistant/, one is "//evil"',
        "regoin: no such setting; did you mean region?",
        "queue.retention_seconds: should be more than lease_seconds (600), is 600",
    ]


@pytest.mark.parametrize(
    ("stages", "line"),
    [
        ({"dev": LEAST, "prod": LEAST}, 'cdk.json, "stages": has no stage prd; there are: dev, prod'),
        (None, 'cdk.json, "stages": has no stage prd; there are: none'),
        ({"prd": []}, "cdk.json, stage prd: should be an object of settings"),
    ],
)
def test_an_unknown_stage_is_told_which_there_are(stages: object, line: str) -> None:
    """A typing error in the stage's name must not deploy another stage."""
    with pytest.raises(SettingsError) as caught:
        stage_settings(stages, "prd")
    assert str(caught.value) == line


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
    there = rds_region(endpoint)
    database = {**RDS, "endpoint": endpoint, "name": "n" * 25, "secret_arn": SECRET.replace("eu-west-1", str(there))}
    kafka = {"bootstrap_servers": BROKERS["bootstrap_servers"]}
    stage = settings({**LEAST, "network": VPC, "database": database, "kafka": kafka})
    assert isinstance(stage.database, ExistingRds)
    assert there in ("eu-west-1", "cn-north-1")


def test_what_a_stage_names_is_in_one_region_even_if_the_stage_names_none() -> None:
    """Credentials will choose one, and whatever is elsewhere would be looked for there in vain."""
    elsewhere = CLUSTER.replace("eu-west-1", "eu-central-1")
    (line,) = lines({**LEAST, "network": VPC, "database": RDS, "kafka": {"cluster_arn": elsewhere}})
    assert line == (
        "region: a stage is in one region, but these are in several: database.secret_arn in eu-west-1, "
        "kafka.cluster_arn in eu-central-1, database.endpoint in eu-west-1"
    )


def test_only_what_rds_named_is_taken_for_an_rds() -> None:
    """A name of one's own says nothing of where it leads."""
    for name in ("mysql.internal", "rds.amazonaws.com.example", "10.0.0.9"):
        assert rds_region(name) is None
        assert settings({**LEAST, "database": {**MYSQL, "endpoint": name}}).network is None


def test_the_local_stage_makes_nothing_on_aws() -> None:
    """Its MySQL is this machine's, and there is no VPC."""
    assert [line.partition(":")[0] for line in lines(NEW, name="local")] == ["network.new", "database.new", "kafka.new"]
    assert lines({**LEAST, "name_prefix": "team"}, name="local") == [
        "name_prefix: is for AWS; leave it out in the local stage"
    ]
    rds = over({**LEAST, "database": RDS}, {"kafka": {"pollers": {}}})
    assert [line.partition(":")[0] for line in lines(rds, name="local")] == [
        "database.iam_resource_id",
        "kafka.pollers",
    ]


def test_only_the_local_stage_may_do_without_tls_and_logins() -> None:
    """One machine has neither a certificate nor anyone to keep out."""
    plain = {
        "database": {"ca_file": ""},
        "kafka": {"auth_secret_arn": None},
        "wheels": "this-machine",
        "action_base_url": "http://127.0.0.1:8000",
        "webhook_origins": ["http://127.0.0.1:9000"],
    }
    assert settings(over(LEAST, plain), name="local").is_local
    assert len(lines(over(LEAST, plain))) == len(plain)


@given(
    st.sampled_from(["kafka", "network", "alarms", "send", "python", "webhook_origins"]),
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.dictionaries(st.text(), x)),
)
def test_whatever_json_a_stage_is_the_answer_is_settings_or_lines_that_name_keys(key: str, value: Any) -> None:
    """No traceback reaches the person who edits cdk.json."""
    try:
        settings({**LEAST, key: json.loads(json.dumps(value))})
    except SettingsError as error:
        assert all(line.startswith("cdk.json, stage dev: ") for line in str(error).splitlines())  # noqa: PT017  # it may also be valid
