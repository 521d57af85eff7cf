"""Each function gets exactly the variables that it needs, with values that its settings class accepts."""

from collections.abc import Mapping

import pytest

from delivery.aws.settings.claim import ClaimSettings
from delivery.aws.settings.database import WithDatabase
from delivery.aws.settings.ingest import IngestSettings
from delivery.aws.settings.prune import PruneSettings
from delivery.aws.settings.relay import RelaySettings
from delivery.aws.settings.send import SendSettings
from tests.infra.templates import FUNCTIONS, Template, environment

CLASSES: Mapping[str, type[WithDatabase]] = {
    "ingest": IngestSettings,
    "claim": ClaimSettings,
    "send": SendSettings,
    "relay": RelaySettings,
    "prune": PruneSettings,
}
CLUSTER = "arn:aws:kafka:eu-west-1:111111111111:cluster/hongyan-dev/0a1b2c3d-1"
LIBRARIES = {
    "POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE", "POWERTOOLS_LOG_LEVEL", "PYDANTIC_DISABLE_PLUGINS",
}  # fmt: skip
PLACE = {"DATABASE_HOST", "DATABASE_PORT", "DATABASE_NAME", "DATABASE_CA_FILE"}
DATABASE = PLACE | {"DATABASE_SECRET_ARN", "DATABASE_USER"}
OWN = {
    "ingest": {"SEND_QUEUE_URL", "HANDOFF_DEADLINE_SECONDS", "MAX_ATTEMPTS", "ALLOWED_URL_PREFIXES"},
    "claim": {"SEND_QUEUE_URL", "REPORT_QUEUE_URL", "LEASE_SECONDS", "CLAIM_BATCH_SIZE", "MAX_QUEUED_POINTERS"},
    "send": {
        "STAGE", "REPORT_QUEUE_URL", "LEASE_SECONDS", "SEND_CONCURRENCY", "RETRY_BASE_SECONDS", "RETRY_CAP_SECONDS",
        "RETRY_JITTER", "DATA_KEY_ARN", "WEBHOOK_ORIGINS", "FEISHU_TIMEOUT_SECONDS", "ACTION_BASE_URL",
        "MESSAGE_EVENT", "MESSAGE_TITLE", "MESSAGE_ACTION_TEXT",
    },
    "relay": {
        "KAFKA_CLUSTER_ARN", "KAFKA_BOOTSTRAP_SERVERS", "KAFKA_VPC_CONNECTION", "KAFKA_LOGIN", "KAFKA_AUTH_SECRET_ARN",
        "KAFKA_CA_SECRET_ARN", "RELAY_BATCH_SIZE", "RELAY_LEASE_SECONDS",
    },
    "prune": {"RECORD_DAYS", "REJECT_DAYS", "OUTBOX_DAYS", "SET_SIZE", "PAUSE_SECONDS"},
}  # fmt: skip


@pytest.mark.parametrize("word", FUNCTIONS)
def test_a_function_is_given_these_variables_and_no_others(word: str, stages: Mapping[str, Template]) -> None:
    """In every stage: nothing that only one of them knows, and nothing of AWS's own."""
    for template in stages.values():
        assert set(environment(template.function(word))) == LIBRARIES | DATABASE | OWN[word]


@pytest.mark.parametrize("word", FUNCTIONS)
def test_a_function_reads_what_it_is_given_and_is_given_what_it_reads(word: str, dev: Template) -> None:
    """A renamed variable is noticed here and not at the first invocation."""
    assert set(environment(dev.function(word))) - LIBRARIES == {*CLASSES[word].variables().values()}


@pytest.mark.parametrize("word", FUNCTIONS)
def test_a_function_accepts_the_values_it_is_given(word: str, stages: Mapping[str, Template]) -> None:
    """What synth lets through, the function's settings class lets through."""
    for template in stages.values():
        given = environment(template.function(word))
        read = CLASSES[word].read(deployed(given))
        assert read.database_host == deployed(given)["DATABASE_HOST"]


def deployed(given: Mapping[str, object]) -> Mapping[str, str]:
    """With references as they look once deployed."""
    made = dict.fromkeys(given, "https://sqs.eu-west-1.amazonaws.com/111111111111/made-at-deployment")
    known = {"DATABASE_HOST": "mysql.made-at-deployment", "KAFKA_CLUSTER_ARN": CLUSTER}
    texts = {name: value for name, value in given.items() if isinstance(value, str)}
    return {**made, **{name: value for name, value in known.items() if name in given}, **texts}


def test_settings_reach_the_functions(dev: Template) -> None:
    """Numbers as the functions parse them, lists with commas, Chinese as it is."""
    words = ("ingest", "claim", "send", "prune")
    ingest, claim, send, prune = (environment(dev.function(word)) for word in words)
    assert (ingest["HANDOFF_DEADLINE_SECONDS"], ingest["MAX_ATTEMPTS"]) == ("300", "5")
    assert (claim["LEASE_SECONDS"], claim["CLAIM_BATCH_SIZE"], claim["MAX_QUEUED_POINTERS"]) == ("600", "500", "20000")
    assert (send["RETRY_BASE_SECONDS"], send["RETRY_CAP_SECONDS"], send["RETRY_JITTER"]) == ("300", "1800", "0.1")
    assert send["WEBHOOK_ORIGINS"] == "https://www.feishu.cn,https://feishu.cn"
    assert send["MESSAGE_TITLE"] == "SmartFlow 日程调整建议"
    assert (prune["RECORD_DAYS"], prune["REJECT_DAYS"], prune["OUTBOX_DAYS"]) == ("90", "90", "7")
    assert (prune["SET_SIZE"], prune["PAUSE_SECONDS"]) == ("1000", "0.5")


def test_queue_and_key_are_the_ones_of_the_same_stack(dev: Template) -> None:
    """Ingest and claim fill the queue that feeds send; send fills the other one, and claim asks whether it is empty."""
    fed = dev.named(dev.source("send")["EventSourceArn"])
    for word in ("ingest", "claim"):
        assert dev.named(environment(dev.function(word))["SEND_QUEUE_URL"]) == fed
    reports = dev.named(dev.source_of_reports()["EventSourceArn"])
    for word in ("claim", "send"):
        assert dev.named(environment(dev.function(word))["REPORT_QUEUE_URL"]) == reports != fed
    assert dev.kind_of(environment(dev.function("send"))["DATA_KEY_ARN"]) == "AWS::KMS::Key"
