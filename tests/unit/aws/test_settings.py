"""Settings: one that is missing or malformed is named in one line, with what is wrong and without its value."""

from __future__ import annotations

import re
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.aws.settings.claim import ClaimSettings
from delivery.aws.settings.database import WithDatabase
from delivery.aws.settings.ingest import IngestSettings
from delivery.aws.settings.migrate import MigrateSettings
from delivery.aws.settings.prune import PruneSettings
from delivery.aws.settings.send import SendSettings
from delivery.aws.settings.topic import TopicSettings
from delivery.aws.variables import FunctionSettings, SettingsError

DATABASE = {
    "DATABASE_HOST": "mysql.example",
    "DATABASE_NAME": "smartflow",
    "DATABASE_SECRET_ARN": "arn:aws:secretsmanager:eu-west-1:1:secret:x",
}
OWN_USER = {
    "DATABASE_HOST": "mysql.abc.eu-west-1.rds.amazonaws.com",
    "DATABASE_NAME": "smartflow",
    "DATABASE_USER": "hongyan_claim",
    "DATABASE_CA_FILE": "/opt/rds-ca.pem",
}
QUEUE = {"SEND_QUEUE_URL": "https://sqs.example/1/send"}
REPORTS = {"REPORT_QUEUE_URL": "https://sqs.example/1/reports"}
SEND = {"STAGE": "dev", "DATA_KEY_ARN": "arn:aws:kms:eu-west-1:1:key/x", "ACTION_BASE_URL": "https://app.example"}
TOPIC = {
    "KAFKA_CLUSTER_ARN": "arn:aws:kafka:eu-west-1:111111111111:cluster/x/y",
    "KAFKA_TOPIC": "t",
    "TOPIC_PARTITIONS": "6",
    "TOPIC_RETENTION_HOURS": "168",
}
NEEDED: dict[type[FunctionSettings], dict[str, str]] = {
    IngestSettings: DATABASE | QUEUE,
    ClaimSettings: DATABASE | QUEUE | REPORTS,
    SendSettings: DATABASE | SEND | REPORTS,
    TopicSettings: TOPIC,
    MigrateSettings: DATABASE | {"FUNCTIONS": "claim,ingest,send"},
    PruneSettings: DATABASE,
}
CLASSES = list(NEEDED)
WITH_DATABASE = [cls for cls in CLASSES if issubclass(cls, WithDatabase)]
SECRET_OR_USER = " Give either it or DATABASE_USER"
SECRET = "hunter2-must-not-be-shown"


def complaints(cls: type[FunctionSettings], environment: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        cls.read(environment)
    return str(raised.value).splitlines()


@pytest.mark.parametrize("cls", CLASSES)
def test_each_missing_setting_is_one_line(cls: type[FunctionSettings]) -> None:
    """All at once, so that they are mended at once."""
    lines = complaints(cls, {})
    assert sorted(line.partition(":")[0] for line in lines) == sorted(NEEDED[cls])
    assert {line.partition(":")[2] for line in lines} <= {" Field required", SECRET_OR_USER}


@pytest.mark.parametrize(("cls", "name"), [(cls, name) for cls in CLASSES for name in sorted(NEEDED[cls])])
def test_a_needed_setting_that_is_missing_or_blank_is_named_alone(cls: type[FunctionSettings], name: str) -> None:
    """The others are in order."""
    without = {key: value for key, value in NEEDED[cls].items() if key != name}
    assert [line.partition(":")[0] for line in complaints(cls, without)] == [name]
    assert [line.partition(":")[0] for line in complaints(cls, {**without, name: "  "})] == [name]


@pytest.mark.parametrize(
    ("cls", "name", "wrong"),
    [
        *[(cls, "DATABASE_PORT", wrong) for cls in WITH_DATABASE for wrong in ("", "x", "0", "65536", "3306.5", "-1")],
        (MigrateSettings, "FUNCTIONS", "claim,DROP USER"),
        (MigrateSettings, "FUNCTIONS", ""),
        (MigrateSettings, "DATABASE_USER_PREFIX", "hongyan-"),
        (MigrateSettings, "DATABASE_USER_PREFIX", "a" * 27),
        (IngestSettings, "SEND_QUEUE_URL", "send"),
        (IngestSettings, "HANDOFF_DEADLINE_SECONDS", "0"),
        (IngestSettings, "HANDOFF_DEADLINE_SECONDS", "nan"),
        (IngestSettings, "HANDOFF_DEADLINE_SECONDS", "inf"),
        (IngestSettings, "HANDOFF_DEADLINE_SECONDS", "5 min"),
        (IngestSettings, "MAX_ATTEMPTS", "0"),
        (IngestSettings, "MAX_ATTEMPTS", "101"),
        (IngestSettings, "ALLOWED_URL_PREFIXES", ""),
        (IngestSettings, "ALLOWED_URL_PREFIXES", " , "),
        (IngestSettings, "ALLOWED_URL_PREFIXES", "assistant"),
        (IngestSettings, "ALLOWED_URL_PREFIXES", "/ok/,//evil,/"),
        (ClaimSettings, "REPORT_QUEUE_URL", "reports"),
        (ClaimSettings, "LEASE_SECONDS", "86401"),
        (ClaimSettings, "CLAIM_BATCH_SIZE", "5001"),
        (ClaimSettings, "MAX_QUEUED_POINTERS", "0"),
        (SendSettings, "REPORT_QUEUE_URL", "reports"),
        (SendSettings, "SEND_CONCURRENCY", "501"),
        (SendSettings, "RETRY_BASE_SECONDS", "-5"),
        (SendSettings, "RETRY_CAP_SECONDS", ""),
        (SendSettings, "RETRY_JITTER", "1.1"),
        (SendSettings, "RETRY_JITTER", "nan"),
        (SendSettings, "WEBHOOK_ORIGINS", "www.feishu.cn"),
        (SendSettings, "WEBHOOK_ORIGINS", "https://www.feishu.cn/"),
        (SendSettings, "WEBHOOK_ORIGINS", ","),
        (SendSettings, "FEISHU_TIMEOUT_SECONDS", "61"),
        (SendSettings, "ACTION_BASE_URL", "app.example"),
        (SendSettings, "ACTION_BASE_URL", "https://app.example/"),
        (SendSettings, "MESSAGE_EVENT", ""),
        (SendSettings, "MESSAGE_TITLE", " "),
        (SendSettings, "MESSAGE_ACTION_TEXT", ""),
        (TopicSettings, "KAFKA_CLUSTER_ARN", "kafka-1:9092"),
        (TopicSettings, "TOPIC_PARTITIONS", "0"),
        (TopicSettings, "TOPIC_REPLICATION", "-1"),
        (TopicSettings, "TOPIC_RETENTION_HOURS", "a week"),
    ],
)
def test_a_malformed_setting_is_one_line_that_says_what_is_wrong(
    cls: type[FunctionSettings], name: str, wrong: str
) -> None:
    """One line even where several of its parts are wrong."""
    [line] = complaints(cls, NEEDED[cls] | {name: wrong})
    assert re.match(rf"{name}: (Input|String|List|Tuple|Give) ", line)


@given(st.sampled_from(CLASSES), st.data())
def test_no_complaint_repeats_a_value(cls: type[FunctionSettings], data: st.DataObject) -> None:
    """A secret may have been put into the wrong variable."""
    names = data.draw(st.sets(st.sampled_from(sorted(cls.variables().values()))))
    given_values = NEEDED[cls] | {name: f"{SECRET} {name}" for name in names}
    assert SECRET not in complaint(cls, given_values)


def complaint(cls: type[FunctionSettings], environment: dict[str, str]) -> str:
    """With all that a traceback would show; empty if there is nothing to complain about."""
    try:
        cls.read(environment)
    except SettingsError as error:
        return "".join(traceback.format_exception(error))
    return ""


def test_defaults_are_those_of_the_design() -> None:
    """Hand-off 5 min, lease 10 min, 5 attempts, backoff 5 to 30 min with 10 % jitter, 5 s for Feishu."""
    ingest = IngestSettings.read(NEEDED[IngestSettings])
    claim = ClaimSettings.read(NEEDED[ClaimSettings])
    send = SendSettings.read(NEEDED[SendSettings])
    assert (ingest.database_port, ingest.database_ca_file) == (3306, "")
    assert (ingest.handoff_deadline_seconds, ingest.max_attempts) == (300, 5)
    assert ingest.allowed_url_prefixes == ("/assistant/",)
    assert (claim.lease_seconds, send.lease_seconds) == (600, 600)
    assert (send.base_seconds, send.cap_seconds, send.jitter) == (300, 1800, 0.1)
    assert send.feishu_timeout_seconds == 5
    assert send.webhook_origins == ("https://www.feishu.cn", "https://feishu.cn")
    assert send.event == "smartflow.schedule_adjustment_ready"
    assert (send.title, send.action_text) == ("SmartFlow 日程调整建议", "查看并确认调整")


@pytest.mark.parametrize("cls", [IngestSettings, ClaimSettings, SendSettings])
def test_a_function_is_a_user_of_its_own_or_the_secret_s(cls: type[WithDatabase]) -> None:
    """Which of two is meant is not guessed, and a token goes by TLS only; each is one line that names the setting."""
    own = OWN_USER | {name: value for name, value in NEEDED[cls].items() if name not in DATABASE}
    assert cls.read(own | {"DATABASE_SECRET_ARN": ""}) == cls.read(own)
    [both] = complaints(cls, own | {"DATABASE_SECRET_ARN": "arn"})
    assert both == f"DATABASE_SECRET_ARN:{SECRET_OR_USER}"
    [plain] = complaints(cls, own | {"DATABASE_CA_FILE": ""})
    assert plain == "DATABASE_CA_FILE: DATABASE_USER needs TLS"


def test_values_are_trimmed_and_lists_are_split() -> None:
    """As people write them; other variables of the process do not matter."""
    given_values = NEEDED[IngestSettings] | {"ALLOWED_URL_PREFIXES": " /a/ , /b/,", "DATABASE_HOST": " h ", "PATH": "x"}
    ingest = IngestSettings.read(given_values)
    assert (ingest.allowed_url_prefixes, ingest.database_host) == (("/a/", "/b/"), "h")


def test_the_processs_own_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read when asked, not at import."""
    for name, value in NEEDED[ClaimSettings].items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CLAIM_BATCH_SIZE", "42")
    assert ClaimSettings.read().batch_size == 42


def test_settings_do_not_change() -> None:
    """What was checked stays so."""
    ingest = IngestSettings.read(NEEDED[IngestSettings])
    with pytest.raises(ValueError, match="frozen"):
        ingest.max_attempts = 6
