"""What feeds the functions: the Kafka topic, the send queue and the schedule, set up so that nothing is lost."""

from collections.abc import Mapping
from typing import Any

import pytest

from cdk.delivery.kafka.login import FIND_BROKERS
from tests.infra.conftest import Synthesis
from tests.infra.templates import BROKERS, MSK, MYSQL, TLS_BROKERS, VPC, Template, environment

KAFKA_SOURCE = "AWS::Lambda::EventSourceMapping"
ONE_DAY, FOUR_DAYS, FOURTEEN_DAYS = 86_400, 345_600, 1_209_600
#: how long before its time-out the relay leases its last rows: Kafka's time, the marks, and the answer to Lambda
SPARE_SECONDS = 16.5
SECRET = "arn:aws:secretsmanager:eu-west-1:111111111111:secret:kafka-AbCdEf"


def test_a_failed_kafka_batch_is_repeated_without_end(stages: Mapping[str, Template]) -> None:
    """Any destination or limit for failures would end that, and a database failover would lose good records."""
    for template in stages.values():
        forbidden = {"DestinationConfig", "MaximumRetryAttempts", "MaximumRecordAgeInSeconds"}
        assert not forbidden & set(template.source("ingest"))


def test_the_topic_is_read_from_its_oldest_record(stages: Mapping[str, Template]) -> None:
    """What was published before the first deployment is wanted too."""
    for stage, template in stages.items():
        source = template.source("ingest")
        assert (source["StartingPosition"], source["Topics"]) == ("TRIM_HORIZON", ["smartflow.notification.outbox"])
        window = 0 if stage == "local" else 1
        assert (source["BatchSize"], source["MaximumBatchingWindowInSeconds"]) == (500, window)


def test_ingest_ends_within_what_lambda_allows_for_kafka(stages: Mapping[str, Template]) -> None:
    """Lambda gives a Kafka batch 14 minutes."""
    for template in stages.values():
        assert template.function("ingest")["Timeout"] <= 14 * 60


def test_self_managed_brokers_outside_a_vpc_are_logged_into(beside: Template) -> None:
    """It uses the stage's secret and SCRAM mechanism."""
    source = beside.source("ingest")
    assert source["SelfManagedEventSource"]["Endpoints"]["KafkaBootstrapServers"] == ["kafka-1.internal:9096"]
    assert source["SelfManagedKafkaEventSourceConfig"] == {"ConsumerGroupId": "hongyan-dev"}
    assert [access["Type"] for access in source["SourceAccessConfigurations"]] == ["SASL_SCRAM_512_AUTH"]


def test_self_managed_brokers_inside_a_vpc_are_polled_there(synth: Synthesis) -> None:
    """It gets every subnet and the one security group that Lambda accepts; a secret is optional there."""
    template = synth("dev", {"network": VPC, "database": MYSQL, "kafka": {**BROKERS, "auth_secret_arn": None}})
    access = [(it["Type"], it["URI"]) for it in template.source("ingest")["SourceAccessConfigurations"]]
    assert access == [
        ("VPC_SUBNET", "subnet:subnet-0a0a0a0a"),
        ("VPC_SUBNET", "subnet:subnet-0b0b0b0b"),
        ("VPC_SECURITY_GROUP", "security_group:sg-0a0a0a0a"),
    ]


@pytest.mark.parametrize(
    ("mechanism", "kind"),
    [
        ("SCRAM-SHA-256", "SASL_SCRAM_256_AUTH"),
        ("PLAIN", "BASIC_AUTH"),
        ("TLS", "CLIENT_CERTIFICATE_TLS_AUTH"),
    ],
)
def test_the_poller_logs_in_by_the_mechanism_that_the_brokers_speak(
    mechanism: str, kind: str, synth: Synthesis
) -> None:
    """Each mechanism has exactly one secret."""
    template = synth("dev", {"kafka": {**BROKERS, "auth_mechanism": mechanism, "auth_secret_arn": SECRET}})
    assert template.source("ingest")["SourceAccessConfigurations"][0] == {"Type": kind, "URI": SECRET}


def test_brokers_of_a_private_authority_are_trusted_by_its_certificate(synth: Synthesis) -> None:
    """Ingest's role may read both secrets, and use their key if it is not Secrets Manager's own."""
    key = "arn:aws:kms:eu-west-1:111111111111:key/0a1b2c3d-1111-2222-3333-444455556666"
    template = synth("dev", {"kafka": {**TLS_BROKERS, "secrets_key_arn": key}})
    login, trust, *_ = template.source("ingest")["SourceAccessConfigurations"]
    assert trust == {"Type": "SERVER_ROOT_CA_CERTIFICATE", "URI": TLS_BROKERS["ca_secret_arn"]}
    allowed = template.allowed("ingest")
    assert {login["URI"], trust["URI"]} <= {str(it) for it in allowed["secretsmanager:GetSecretValue"]}
    assert allowed["kms:Decrypt"] == [key]


@pytest.mark.parametrize("kafka", [BROKERS, MSK, {}])
def test_pollers_are_the_topic_s_own_when_the_stage_says_how_many(kafka: Mapping[str, Any], synth: Synthesis) -> None:
    """Whoever runs the brokers; otherwise Lambda decides, at no extra price."""
    template = synth("dev", {"kafka": {**kafka, "pollers": {"minimum": 2, "maximum": 9}}})
    own = template.source("ingest")["ProvisionedPollerConfig"]
    assert own == {"MinimumPollers": 2, "MaximumPollers": 9}
    assert "ProvisionedPollerConfig" not in synth("dev", {"kafka": kafka}).source("ingest")


def test_msk_is_polled_by_its_arn_as_the_function_s_role(synth: Synthesis) -> None:
    """IAM access control: no secret stands in the template."""
    source = synth("prod", {"kafka": MSK}).source("ingest")
    assert source["EventSourceArn"].startswith("arn:aws:kafka:")
    assert source["AmazonManagedKafkaEventSourceConfig"] == {"ConsumerGroupId": "hongyan-prod"}
    assert "SourceAccessConfigurations" not in source


def of_kafka(template: Template) -> str:
    """The logical id of the source."""
    sources = template.body["Resources"].items()
    (name,) = [name for name, it in sources if it["Type"] == KAFKA_SOURCE and "Topics" in it["Properties"]]
    return str(name)


@pytest.mark.parametrize("kafka", [BROKERS, MSK, {}], ids=["brokers", "msk", "new"])
def test_another_cluster_topic_or_group_is_another_source_and_nothing_else_is(
    kafka: Mapping[str, Any], synth: Synthesis
) -> None:
    """In place, AWS reports a change of the topic and goes on reading the old one."""
    same = [synth("prod", {"kafka": {**kafka, **over}}) for over in ({}, {"batch_size": 7}, {"group": "hongyan-prod"})]
    others = [synth("prod", {"kafka": {**kafka, **over}}) for over in ({"topic": "another"}, {"group": "another"})]
    elsewhere = synth("prod", {"kafka": {**TLS_BROKERS, "bootstrap_servers": ["kafka-2.internal:9096"]}})
    assert len({*map(of_kafka, same)}) == 1
    assert len({*map(of_kafka, [same[0], *others, elsewhere])}) == 4


LOGIN: Mapping[str, Any] = {
    "auth_secret_arn": "arn:aws:secretsmanager:eu-west-1:111111111111:secret:AmazonMSK_ingest-AbCdEf",
    "secrets_key_arn": "arn:aws:kms:eu-west-1:111111111111:key/0a1b2c3d-1111-2222-3333-444455556666",
}


@pytest.mark.parametrize(
    ("mechanism", "kind"),
    [("SCRAM-SHA-512", "SASL_SCRAM_512_AUTH"), ("TLS", "CLIENT_CERTIFICATE_TLS_AUTH")],
)
def test_msk_is_polled_with_a_secret_where_the_stage_names_one(mechanism: str, kind: str, synth: Synthesis) -> None:
    """Its role reads the secret and its key; what IAM access control would let it do it does not get."""
    template = synth("prod", {"kafka": {**MSK, **LOGIN, "auth_mechanism": mechanism}})
    source, allowed = template.source("ingest"), template.allowed("ingest")
    assert source["SourceAccessConfigurations"] == [{"Type": kind, "URI": LOGIN["auth_secret_arn"]}]
    assert allowed["secretsmanager:GetSecretValue"] == [LOGIN["auth_secret_arn"]]
    assert allowed["kms:Decrypt"] == [LOGIN["secrets_key_arn"]]
    listing = {"kafka:ListScramSecrets"} if mechanism == "SCRAM-SHA-512" else set()
    assert {it for it in allowed if it.startswith("kafka:")} == {"kafka:DescribeClusterV2", FIND_BROKERS, *listing}
    assert not any(action.startswith("kafka-cluster:") for action in allowed)


@pytest.mark.parametrize("login", [{}, LOGIN])
def test_msk_of_another_account_is_polled_through_our_connection_to_it(
    login: Mapping[str, Any], synth: Synthesis
) -> None:
    """The mapping names the connection; what IAM allows on topic and group names the cluster itself."""
    cluster = MSK["cluster_arn"].replace("222222222222", "444444444444")
    connection = "arn:aws:kafka:eu-west-1:222222222222:vpc-connection/444444444444/events/0a1b2c3d-9999-2222-3333-1-7"
    template = synth("prod", {"kafka": {**MSK, **login, "cluster_arn": cluster, "vpc_connection_arn": connection}})
    source, allowed = template.source("ingest"), template.allowed("ingest")
    assert source["EventSourceArn"] == connection
    assert source["AmazonManagedKafkaEventSourceConfig"] == {"ConsumerGroupId": "hongyan-prod"}
    assert allowed["kafka:DescribeVpcConnection"] == [connection]
    assert allowed["kafka:DescribeClusterV2"] == [cluster]
    assert "kafka:DescribeVpcConnection" not in synth("prod", {"kafka": MSK}).allowed("ingest")


def test_on_one_machine_brokers_need_no_login(local: Template) -> None:
    """The local stage's broker listens on the loopback and knows no users."""
    assert "SourceAccessConfigurations" not in local.source("ingest")


def test_send_reports_each_message_by_itself(stages: Mapping[str, Template]) -> None:
    """One failing message must not bring nine delivered ones back."""
    for name, at_once in (("dev", 5), ("prod", 20), ("local", 5)):
        source = stages[name].source("send")
        assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert (source["BatchSize"], source.get("MaximumBatchingWindowInSeconds", 0)) == (10, 0)
        assert source["ScalingConfig"] == {"MaximumConcurrency": at_once}


def test_reports_come_to_the_send_function_too(stages: Mapping[str, Template]) -> None:
    """One by one, and to as few functions as Lambda allows: MySQL has just been away."""
    for template in stages.values():
        source = template.source_of_reports()
        assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert (source["BatchSize"], source["ScalingConfig"]) == (10, {"MaximumConcurrency": 2})


def test_a_report_outlasts_a_day_without_mysql(stages: Mapping[str, Template]) -> None:
    """Even if each receive fails as soon as the message is visible again, and dead ones wait for a person."""
    for template in (stages["dev"], stages["prod"]):
        queue = template.named(template.source_of_reports()["EventSourceArn"])
        dead = template.named(queue["RedrivePolicy"]["deadLetterTargetArn"])
        assert queue["VisibilityTimeout"] * queue["RedrivePolicy"]["maxReceiveCount"] >= ONE_DAY
        assert (queue["MessageRetentionPeriod"], dead["MessageRetentionPeriod"]) == (FOURTEEN_DAYS, FOURTEEN_DAYS)
        assert queue["DelaySeconds"] < int(environment(template.function("send"))["LEASE_SECONDS"])


def test_a_message_stays_hidden_for_six_of_the_sender_s_time_outs(synth: Synthesis) -> None:
    """For any time-out and in both queues: otherwise a slow batch would go to a second function."""
    for over in ({}, {"send": {"timeout_seconds": 90}}):
        template = synth("dev", over)
        for source in (template.source("send"), template.source_of_reports()):
            queue = template.named(source["EventSourceArn"])
            assert queue["VisibilityTimeout"] >= 6 * template.function("send")["Timeout"]


def test_a_lease_outlives_its_sender_and_not_the_queue(stages: Mapping[str, Template]) -> None:
    """Claimed earlier, a record would have two senders; claimed later, its pointer would be gone."""
    for template in stages.values():
        queue = template.named(template.source("send")["EventSourceArn"])
        for word in ("claim", "send"):
            lease = int(environment(template.function(word))["LEASE_SECONDS"])
            assert template.function("send")["Timeout"] < lease < queue["MessageRetentionPeriod"]


def test_what_cannot_be_received_five_times_waits_two_weeks_for_a_person(dev: Template) -> None:
    """Its dead letters are kept as long as SQS keeps anything."""
    queue = dev.named(dev.source("send")["EventSourceArn"])
    dead = dev.named(queue["RedrivePolicy"]["deadLetterTargetArn"])
    assert (queue["RedrivePolicy"]["maxReceiveCount"], queue["MessageRetentionPeriod"]) == (5, FOUR_DAYS)
    assert dead["MessageRetentionPeriod"] == FOURTEEN_DAYS


def test_queues_are_encrypted_and_refuse_plain_http(dev: Template) -> None:
    """At rest with SQS's own key, in transit by a policy."""
    assert [it["SqsManagedSseEnabled"] for it in dev.all("AWS::SQS::Queue")] == [True] * 4
    for policy in dev.all("AWS::SQS::QueuePolicy"):
        (statement,) = policy["PolicyDocument"]["Statement"]
        assert (statement["Effect"], statement["Principal"]) == ("Deny", {"AWS": "*"})
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert len(dev.all("AWS::SQS::QueuePolicy")) == 4


@pytest.mark.parametrize(("minutes", "rate"), [(1, "rate(1 minute)"), (5, "rate(5 minutes)")])
def test_claim_is_called_on_schedule_and_a_missed_tick_is_not_repeated(
    minutes: int, rate: str, synth: Synthesis
) -> None:
    """The next tick finds the same rows: repeating one would only pile up behind a database that is down."""
    template = synth("dev", {"claim": {"every_minutes": minutes}})
    assert ticks(template, "claim") == rate


def test_the_relay_is_called_every_minute_and_goes_on_until_the_next_one_looks(stages: Mapping[str, Template]) -> None:
    """On AWS; on one machine a minute is shorter. It stops looking in time to wait for Kafka and to mark."""
    for name in ("dev", "prod"):
        assert ticks(stages[name], "relay") == "rate(1 minute)"
        assert stages[name].function("relay")["Timeout"] - SPARE_SECONDS > 60
    assert stages["local"].function("relay")["Timeout"] - SPARE_SECONDS > 5


@pytest.mark.parametrize(
    ("given", "rate"),
    [({}, "rate(1 hour)"), ({"every_minutes": 5}, "rate(5 minutes)"), ({"every_minutes": 1440}, "rate(1 day)")],
)
def test_prune_is_called_every_hour_or_as_often_as_the_stage_says(
    given: Mapping[str, int], rate: str, synth: Synthesis
) -> None:
    """In whole units, as EventBridge and the local clock read them."""
    assert ticks(synth("dev", {"prune": given}), "prune") == rate


def ticks(template: Template, word: str) -> str:
    """At which rate; a missed tick is repeated neither by the scheduler nor by Lambda."""
    schedule = template.schedule(word)
    assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert schedule["Target"]["RetryPolicy"]["MaximumRetryAttempts"] == 0
    configs = template.all("AWS::Lambda::EventInvokeConfig")
    (config,) = [it for it in configs if template.named(it["FunctionName"]) == template.function(word)]
    assert config["MaximumRetryAttempts"] == 0
    return str(schedule["ScheduleExpression"])
