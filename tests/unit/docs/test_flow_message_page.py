"""docs/flow-message.md says what a user's flow receives, and what the codes of its answers do."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from delivery.domain.outcome import Outcome, PermanentFailure
from delivery.feishu.classify import BY_CODE
from delivery.feishu.flow_webhook import FLOW_WEBHOOK
from local.feishu import FeishuSimulator
from tests.unit.feishu.calling import deliver, flow_channel, opened, permit
from tests.unit.samples import attempt

PAGE = (Path(__file__).parents[3] / "docs" / "flow-message.md").read_text(encoding="utf-8")
[DOCUMENT] = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]
FIELDS = re.findall(r"^\| `([a-z_.]+)` \| (string|whole number|RFC 3339 time) \|", PAGE, re.MULTILINE)
CODES = re.findall(r"^\| (\d+) \|.*\| (`dead`|tried again) \| `([a-z_]+)` \|$", PAGE, re.MULTILINE)
_OF_FLOW = 800_000_000


def received(**changes: object) -> tuple[Mapping[str, Any], Any]:
    """The document and the `Client-Token` of a call."""
    with FeishuSimulator() as feishu, opened(FLOW_WEBHOOK, feishu.url, stage="prod") as way:
        way.deliver(attempt(**changes), flow_channel(feishu.url), permit())
        [call] = feishu.calls(accepted=True)
    return json.loads(call.request_body), call.client_token


def flat(document: Mapping[str, Any], at: str = "") -> Iterator[tuple[str, type]]:
    for name, value in document.items():
        if isinstance(value, dict):
            yield from flat(value, f"{at}{name}.")
        else:
            yield f"{at}{name}", type(value)


def outcome_of(code: int) -> Outcome:
    with FeishuSimulator() as feishu:
        feishu.set_fault("code", code=code)
        return deliver(FLOW_WEBHOOK, feishu.url)


def test_the_document_is_what_a_flow_receives() -> None:
    """Field by field and in this order, with the `Client-Token` of the headers above it."""
    document, token = received()
    assert json.dumps(document) == json.dumps(DOCUMENT)
    assert f"\nClient-Token: {token}\n" in PAGE


def test_the_table_has_every_field_with_its_type() -> None:
    types = {"string": str, "whole number": int, "RFC 3339 time": str}
    assert [(name, types[kind]) for name, kind in FIELDS] == list(flat(DOCUMENT))


def test_what_an_event_leaves_out_is_received_as_the_table_says() -> None:
    bare = {"trigger_id": "", "trigger_type": "", "target_type": "", "target_id": 0, "trace_id": ""}
    document, _ = received(**bare)
    assert document.keys() == DOCUMENT.keys() - {"trace_id"}
    del bare["trace_id"]
    assert {name: document[name] for name in bare} == bare


@pytest.mark.parametrize(("code", "happens", "stored"), CODES)
def test_an_answer_does_what_the_table_says(code: str, happens: str, stored: str) -> None:
    outcome = outcome_of(int(code))
    assert (outcome.code.value, isinstance(outcome, PermanentFailure)) == (stored, happens == "`dead`")  # type: ignore[union-attr]


def test_every_code_of_the_trigger_is_in_the_table() -> None:
    assert {code for code in BY_CODE if _OF_FLOW <= code < _OF_FLOW + 100_000_000} <= {int(code) for code, *_ in CODES}
