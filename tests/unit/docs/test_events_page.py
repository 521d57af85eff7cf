"""docs/events.md: its tables are those of the models, and its examples do what the page says."""

import json
import re
from datetime import datetime

from delivery.domain.contract import Accepted, RejectCode, judge
from docs.event_tables import PAGE, example_of, written
from docs.event_words import MEANINGS
from hongyan_producer import half_hour_key, partition_of
from hongyan_producer.contract.models import Envelope, Payload
from hongyan_producer.contract.target_url import URL_PREFIXES

TEXT = PAGE.read_text()
EVENT = example_of(TEXT)


def test_the_tables_are_those_of_the_models() -> None:
    """`make docs` writes them."""
    assert written(TEXT) == TEXT


def test_every_field_and_no_other_is_explained() -> None:
    assert set(MEANINGS) == {*Envelope.model_fields, *Payload.model_fields}


def test_the_event_to_copy_is_accepted() -> None:
    assert isinstance(judge(json.dumps(EVENT).encode(), url_prefixes=URL_PREFIXES), Accepted)


def test_every_reject_code_is_explained() -> None:
    """And no code that does not exist."""
    codes = re.findall(r"^\| .+ \| `(\w+)` \|$", TEXT.partition("## What happens if")[2], re.MULTILINE)
    assert set(codes) == {code.value for code in RejectCode}


def test_the_dedupe_key_is_built_as_the_page_says() -> None:
    """And as the package builds it."""
    payload = {**EVENT["payload"], "requested_at": datetime.fromisoformat(EVENT["payload"]["requested_at"])}
    built: dict[str, str] = {}
    [formula] = re.findall(r"^```python\n(.+?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    exec(formula, payload, built)  # noqa: S102 - the page's own line
    assert built["dedupe_key"] == EVENT["payload"]["dedupe_key"]
    assert half_hour_key(7, payload["trigger_type"], payload["requested_at"]) == EVENT["payload"]["dedupe_key"]


def test_java_s_client_chooses_the_partition_that_the_page_says() -> None:
    """Measured with kafkajs 2.2.4, too."""
    assert f"key `7` goes to\npartition {partition_of(b'7', 6)} with the first" in TEXT
