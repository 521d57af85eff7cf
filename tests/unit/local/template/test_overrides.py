"""What `stages.local` of cdk.json says holds; what it cannot say is refused."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from cdk.settings.context import own_context
from local.machine.processes import CannotStartError
from local.template import overrides
from local.template.overrides import local_stage, stack_overrides, token_terms

Write = Callable[..., None]
SIMULATOR = "http://127.0.0.1:18080"
IN_A_CONTAINER = SIMULATOR.replace("127.0.0.1", "host.docker.internal")


@pytest.fixture
def write(monkeypatch: pytest.MonkeyPatch) -> Write:
    """Sets keys of `stages.local`, given by their path."""
    context = copy.deepcopy(own_context())
    monkeypatch.setattr(overrides, "own_context", lambda: context)

    def write(path: str, value: object) -> None:
        *sections, key = path.split(".")
        section: dict[str, Any] = context["stages"]["local"]
        for name in sections:
            section = section.setdefault(name, {})
        section[key] = value

    return write


def laid_over() -> dict[str, Any]:
    return dict(
        stack_overrides(
            database_url="mysql+pymysql://root@127.0.0.1:13306/hongyan",
            kafka_bootstrap_servers="127.0.0.1:19092, 127.0.0.1:19093",
            feishu_url=SIMULATOR,
            issuer_url="http://127.0.0.1:18081",
        )
    )


def test_cdk_json_as_it_is_is_accepted() -> None:
    """Its addresses are the placeholders that the stack replaces."""
    assert local_stage().kafka.topic == "smartflow.notification.outbox"


def test_the_stack_sets_nothing_but_addresses() -> None:
    """Retries, time-outs and messages are those of cdk.json."""
    assert laid_over() == {
        "database": {"endpoint": "127.0.0.1", "port": 13306, "name": "hongyan", "secret_arn": overrides.SECRET_ARN},
        "kafka": {"bootstrap_servers": ["127.0.0.1:19092", "127.0.0.1:19093"]},
        "webhook_origins": [SIMULATOR, IN_A_CONTAINER],
        "api": {"tokens": {"issuer": "http://127.0.0.1:18081"}},
    }


def test_the_simulator_is_added_to_the_webhook_origins(write: Write) -> None:
    """Only those that cdk.json names: by default no message leaves this machine."""
    write("webhook_origins", ["https://www.feishu.cn"])
    assert laid_over()["webhook_origins"] == ["https://www.feishu.cn", SIMULATOR, IN_A_CONTAINER]


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        ("database.endpoint", "mysql.example", 'should stay "127.0.0.1": the stack\'s own MySQL is used'),
        ("database.port", 3307, "should be left out: the stack's own MySQL is used"),
        ("database.name", "mine", "should be left out: the stack's own MySQL is used"),
        ("kafka.bootstrap_servers", ["kafka.example:9092"], 'should stay ["127.0.0.1:9092"]: the stack\'s own Kafka'),
        ("api.tokens.issuer", "https://issuer.example", 'should stay "http://127.0.0.1:9000": the stack\'s own issuer'),
        ("python", "3.13", "should be left out: this machine's is used"),
        ("architecture", "x86_64", "should be left out: this machine's is used"),
        ("wheels", "this-machine", "should be left out: this machine's is used"),
    ],
)
def test_a_key_that_the_stack_sets_is_refused(write: Write, path: str, value: object, complaint: str) -> None:
    """It would have no effect, so one line says who sets it."""
    write(path, value)
    with pytest.raises(CannotStartError) as refused:
        local_stage()
    assert str(refused.value).startswith(f"cdk.json, stage local: {path}: {complaint}")


@pytest.mark.parametrize("api", [None, {"tokens": {"new_user_pool": True}}], ids=["none", "other tokens"])
def test_a_stage_without_an_api_of_our_issuer_is_refused(write: Write, api: object) -> None:
    """Channels are saved through it."""
    write("api", api)
    with pytest.raises(CannotStartError, match=r"api\.tokens\.issuer: should be there"):
        token_terms()


def test_a_token_says_what_the_stage_asks_of_it(write: Write) -> None:
    write("api.user_claim", "uid")
    terms = token_terms()
    assert (terms.audience, terms.user_claim, terms.operate_scope) == (
        "hongyan-local",
        "uid",
        "notifications:operate",
    )
