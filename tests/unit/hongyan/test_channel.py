"""How users are reached: shown, saved, deleted and tested, each by the door that lets one in for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from delivery.domain.channel import Channel
from delivery.feishu.flow_webhook import FLOW_WEBHOOK
from tests.unit.hongyan.conftest import Run
from tests.unit.hongyan.served_api import USER, Kept

pytestmark = pytest.mark.usefixtures("at_stage")
ROOT = "/api/v1/notification"
WEBHOOK = "https://www.feishu.cn/flow/api/trigger-webhook/KEY4"


def channel(url: str = WEBHOOK) -> Channel:
    return Channel(user_id=7, channel=FLOW_WEBHOOK, enabled=True, webhook_url=url, bearer_token="")


@pytest.fixture
def in_aws(clean: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signed in."""
    for name, value in {"ACCESS_KEY_ID": "AKIA", "SECRET_ACCESS_KEY": "aws-secret", "REGION": "eu-central-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)


def test_an_operator_sees_any_users_channels(hongyan: Run, kept: Kept) -> None:
    kept.channels = {7: channel()}
    said = hongyan("channel", "show", "--user", "7")
    assert "webhook_url_mask  https://www.feishu.cn/flow/…KEY4" in said.out
    assert hongyan("channel", "show", "--user", "8").out == "user 8 has no channel\n"
    assert json.loads(hongyan("channel", "show", "--user", "7", "--json").out)["configured"] is True


def test_a_user_sees_and_saves_their_own(hongyan: Run, kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token goes with the bearer's settings, which are not printed."""
    monkeypatch.setenv("HONGYAN_TOKEN", USER)
    monkeypatch.setenv("HONGYAN_BEARER_TOKEN", "feishu-secret")
    said = hongyan("channel", "save", "--webhook-url", WEBHOOK, "--disabled")
    assert (said.code, kept.channels[7].bearer_token, kept.channels[7].enabled) == (0, "feishu-secret", False)
    assert "feishu-secret" not in said.out + said.err
    assert "has_bearer_token  yes" in hongyan("channel", "show").out
    assert {path for _method, path, _query in kept.seen} == {f"{ROOT}/channels/feishu"}


@pytest.mark.usefixtures("in_aws")
def test_another_users_channel_is_changed_by_ones_aws_identity(hongyan: Run, kept: Kept) -> None:
    assert hongyan("channel", "save", "--user", "7", "--webhook-url", WEBHOOK).code == 0
    assert kept.channels[7].webhook_url == WEBHOOK
    assert hongyan("channel", "test", "--user", "7").code == 0
    assert json.loads(hongyan("channel", "delete", "--user", "7", "--yes", "--json").out) == {"deleted": True}
    assert kept.channels == {}
    assert {path.removesuffix("/test") for _method, path, _query in kept.seen} == {f"{ROOT}/users/7/channels/feishu"}


def test_a_channel_is_deleted_only_after_a_question(hongyan: Run, kept: Kept) -> None:
    kept.channels = {7: channel()}
    said = hongyan("channel", "delete", "--user", "7")
    assert said.code == 2
    assert said.err == (
        "hongyan: delete the channel feishu of user 7? Nobody can answer without a terminal: give --yes\n"
    )
    assert 7 in kept.channels


@pytest.mark.usefixtures("in_aws")
def test_a_test_message_that_does_not_arrive_has_exit_code_1(hongyan: Run, kept: Kept) -> None:
    assert "用户未配置飞书 Webhook 触发器" in hongyan("channel", "test", "--user", "7").out
    kept.channels = {7: channel("https://www.feishu.cn/broken")}
    said = hongyan("channel", "test", "--user", "7", "--json")
    assert (said.code, json.loads(said.out)["outcome"]) == (1, "permanent_fail")


@pytest.mark.usefixtures("in_aws")
def test_a_test_message_is_never_sent_twice(hongyan: Run, kept: Kept) -> None:
    """Even if the answer got lost on its way."""
    kept.instead = [(504, b"")]
    assert hongyan("channel", "test", "--user", "7").code == 1
    assert len(kept.seen) == 1


def test_without_a_simulator_a_webhook_has_to_be_given(hongyan: Run) -> None:
    said = hongyan("channel", "save", "--user", "7")
    assert said.code == 2
    assert said.err.startswith("hongyan: --webhook-url: should be given")
