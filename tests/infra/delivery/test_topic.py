"""The template makes the topic on a new cluster only, before ingest reads it, with rights on that topic alone."""

from collections.abc import Mapping
from typing import Any

import pytest

from delivery.aws.settings.topic import TopicSettings
from tests.infra.conftest import Stacks, Synthesis
from tests.infra.delivery.test_environment import LIBRARIES
from tests.infra.delivery.test_migrate import after, ids, word
from tests.infra.delivery.test_permissions import EVERY, FIND_BROKERS, ON_ANYTHING
from tests.infra.templates import BROKERS, MSK, Template, environment, told

KIND = "Custom::KafkaTopic"
ASKED: Mapping[str, Any] = {"kafka": {"topic": "other.topic", "new": {"partitions": 7, "retention_hours": 9}}}


@pytest.mark.parametrize("kafka", [BROKERS, MSK])
def test_a_topic_on_somebody_else_s_brokers_is_not_ours_to_make(kafka: Mapping[str, Any], synth: Synthesis) -> None:
    """There is no function for it either."""
    template = synth("dev", {"kafka": kafka})
    assert not template.all(KIND)
    words = [environment(it)["POWERTOOLS_SERVICE_NAME"] for it in template.all("AWS::Lambda::Function")]
    assert "topic" not in words


def test_the_local_stage_makes_its_topic_by_itself(local: Template) -> None:
    """Its broker is started with it."""
    assert not local.all(KIND)


def test_ingest_and_the_relay_wait_for_the_topic(dev: Template, prod: Template) -> None:
    """Its event source would fail without the topic, and the relay's first runs; nothing else waits for it."""
    for template in (dev, prod):
        (made,) = ids(template, KIND)
        (function,) = [it for it in ids(template, "AWS::Lambda::Function") if word(template, it) == "ingest"]
        (source,) = [it for it in ids(template, "AWS::Lambda::EventSourceMapping") if made in after(template, it)]
        assert template.body["Resources"][source]["Properties"] == template.source("ingest")
        assert made in after(template, function)
        assert not {function, source} & {*after(template, made)}
        waiting = {word(template, it) for it in ids(template, "AWS::Lambda::Function") if made in after(template, it)}
        assert waiting == {"ingest", "relay"}


def test_the_topic_waits_for_the_migration(dev: Template) -> None:
    """A failed migration leaves the topic and its function as they are."""
    (made,), (migrated,) = ids(dev, KIND), ids(dev, "Custom::Migrations")
    (function,) = [it for it in ids(dev, "AWS::Lambda::Function") if word(dev, it) == "topic"]
    assert migrated in after(dev, function)
    assert migrated in after(dev, made)


def test_it_is_asked_again_when_what_is_asked_for_changes(synth: Synthesis, dev: Template) -> None:
    """CloudFormation calls the function when a property differs; the function reads the same from its environment."""
    template = synth("dev", ASKED)
    made, given = template.one(KIND), environment(template.function("topic"))
    assert (made["KAFKA_TOPIC"], made["TOPIC_PARTITIONS"], made["TOPIC_RETENTION_HOURS"]) == ("other.topic", "7", "9")
    assert all(given[name] == made[name] for name in TopicSettings.variables().values())
    assert template.named(made["ServiceToken"]) == template.function("topic")
    assert made != dev.one(KIND)


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_its_environment_is_what_its_settings_class_reads(stage: str, both: Stacks) -> None:
    """It names the cluster and the topic, and nothing of the database."""
    given = environment(both(stage)["delivery"].function("topic"))
    assert set(given) == LIBRARIES | {*TopicSettings.variables().values()}
    arn = "arn:aws:kafka:eu-west-1:111111111111:cluster/hongyan-dev/0a1b2c3d-1"
    read = TopicSettings.read({**given, "KAFKA_CLUSTER_ARN": arn})
    assert read.kafka_topic == "smartflow.notification.outbox"


def test_it_may_make_and_change_one_topic_and_never_delete_or_read_it(both: Stacks) -> None:
    """It may also ask for the brokers' addresses and for its stack's status, and may read no secret."""
    data, delivery = both("dev", ASKED)["data"], both("dev", ASKED)["delivery"]
    allowed = delivery.allowed("topic")
    of_topic = {"CreateTopic", "AlterTopic", "DescribeTopic"}
    of_topic |= {"AlterTopicDynamicConfiguration", "DescribeTopicDynamicConfiguration"}
    kafka = {f"kafka-cluster:{it}" for it in of_topic | {"Connect"}}
    rest = EVERY | ON_ANYTHING | FIND_BROKERS | {"cloudformation:DescribeStacks"}
    assert set(allowed) == kafka | rest
    for action in of_topic:
        (topic,) = allowed[f"kafka-cluster:{action}"]
        assert topic["Fn::Join"][1][-1] == "/other.topic"
    (cluster,) = allowed["kafka-cluster:Connect"]
    assert data.kind_of(told(data, cluster)) == "AWS::MSK::Cluster"
    assert allowed["cloudformation:DescribeStacks"] == [{"Ref": "AWS::StackId"}]


def test_it_stands_where_there_is_a_way_to_the_brokers_and_out(both: Stacks) -> None:
    """It calls MSK's API, which is outside, and answers CloudFormation through S3."""
    data, delivery = both("prod")["data"], both("prod")["delivery"]
    place = delivery.function("topic")["VpcConfig"]
    cluster = data.one("AWS::MSK::Cluster")["BrokerNodeGroupInfo"]
    assert [told(data, it) for it in place["SubnetIds"]] == cluster["ClientSubnets"]
    (group,) = [told(data, it) for it in place["SecurityGroupIds"]]
    rules = data.all("AWS::EC2::SecurityGroupIngress")
    assert (group, cluster["SecurityGroups"]) in [(it["SourceSecurityGroupId"], [it["GroupId"]]) for it in rules]


def test_a_deployment_waits_for_a_second_try_and_not_for_ever(dev: Template) -> None:
    """The brokers of a new cluster take most of that time to become reachable."""
    timeout = dev.function("topic")["Timeout"]
    assert timeout > 60
    assert int(dev.one(KIND)["ServiceTimeout"]) == 2 * timeout
