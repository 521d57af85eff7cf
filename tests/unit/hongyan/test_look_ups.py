"""What operators look up, as tables for people and as JSON for programs."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from rich.cells import cell_len

from delivery.domain.record import Status
from tests.unit.hongyan.conftest import Run
from tests.unit.hongyan.served_api import NOW, Kept, attempt, record, reject

pytestmark = pytest.mark.usefixtures("at_stage")
OPERATE = "/api/v1/notification/operate"


def test_records_are_a_table_in_local_time(hongyan: Run, kept: Kept) -> None:
    kept.records = [record(1), record(2, status=Status.SENT, last_error_code=None)]
    said = hongyan("records")
    heading, newest, oldest = said.out.splitlines()
    assert said.code == 0
    assert heading.split() == ["id", "made", "user", "state", "code", "tries", "due", "text"]
    assert newest.split() == ["2", "2026-11-26", "08:30:17", "CST", "7", "sent", "5/5", "早上好"]
    assert oldest.split() == ["1", "2026-11-26", "08:30:16", "CST", "7", "dead", "provider_5xx", "5/5", "早上好"]


def test_a_table_fits_a_narrow_terminal(hongyan: Run, kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """Long values are folded, and nothing is lost but the end of a long text, which `record` shows."""
    monkeypatch.setenv("COLUMNS", "72")
    kept.records = [record(4711, summary_text="好" * 300)]
    said = hongyan("records")
    assert max(map(cell_len, said.out.splitlines())) <= 72
    assert said.out.count("好") == 59
    assert "4711" in said.out
    assert hongyan("record", "4711").out.count("好") == 300


def test_records_are_json_lines_for_programs(hongyan: Run, kept: Kept) -> None:
    kept.records = [record(1), record(2)]
    said = hongyan("records", "--json")
    assert [json.loads(line)["id"] for line in said.out.splitlines()] == [2, 1]
    assert json.loads(said.out.splitlines()[0])["created_at"] == "2026-11-26T00:30:17Z"
    assert "早上好" in said.out
    assert said.err == ""


def test_each_filter_is_sent_as_it_was_given(hongyan: Run, kept: Kept) -> None:
    options = "--user 7 --status dead --status skipped --code c --way w --trigger t --trigger-type tt --preview p"
    times = "--since 2026-11-26T08:00 --before 2026-11-26T00:30:00Z"
    assert hongyan("records", *options.split(), "--dedupe-key", "a b&c=1", *times.split()).code == 0
    ((method, path, query),) = kept.seen
    assert (method, path) == ("GET", f"{OPERATE}/records")
    assert query == {
        "user_id": ["7"],
        "status": ["dead", "skipped"],
        "code": ["c"],
        "way": ["w"],
        "trigger_id": ["t"],
        "trigger_type": ["tt"],
        "preview_id": ["p"],
        "dedupe_key": ["a b&c=1"],
        "created_from": ["2026-11-26T00:00:00.000Z"],  # it was given in local time
        "created_before": ["2026-11-26T00:30:00.000Z"],
        "size": ["50"],
    }


def test_filters_hold(hongyan: Run, kept: Kept) -> None:
    """The API understands what is sent."""
    kept.records = [record(1), record(2, user_id=8), record(3, status=Status.SKIPPED), record(4, status=Status.SENT)]
    said = hongyan("records", "--user", "7", "--status", "dead", "--status", "skipped", "--json")
    assert [json.loads(line)["id"] for line in said.out.splitlines()] == [3, 1]


@pytest.mark.parametrize(
    ("ago", "seconds"), [("90s", 90), ("5m", 300), ("2h", 7_200), ("3d", 259_200), ("1w", 604_800)]
)
def test_a_time_may_be_so_long_ago(ago: str, seconds: int, hongyan: Run, kept: Kept) -> None:
    hongyan("records", "--since", ago)
    sent = datetime.fromisoformat(kept.seen[0][2]["created_from"][0])
    assert abs(datetime.now(UTC) - timedelta(seconds=seconds) - sent) < timedelta(seconds=30)


def test_a_list_says_how_to_see_more(hongyan: Run, kept: Kept) -> None:
    """And goes on there."""
    kept.records = [record(number) for number in range(1, 6)]
    first = hongyan("records", "--limit", "2", "--json")
    word = first.err.split("--from ")[1].strip()
    second = hongyan("records", "--limit", "2", "--json", "--from", word)
    shown = [json.loads(line)["id"] for said in (first, second) for line in said.out.splitlines()]
    assert shown == [5, 4, 3, 2]
    assert first.err.startswith("there are more: --all, or --from ")


@pytest.mark.parametrize(("options", "sizes", "rows"), [
    (("--limit", "700"), ["500", "200"], 700),
    (("--all",), ["500", "500", "500"], 1_201),
    (("--all", "--limit", "3"), ["500", "500", "500"], 1_201),
])  # fmt: skip
def test_a_long_list_is_paged(options: tuple[str, ...], sizes: list[str], rows: int, hongyan: Run, kept: Kept) -> None:
    kept.records = [record(number) for number in range(1, 1_202)]
    said = hongyan("records", "--json", *options)
    assert [query["size"] for _method, _path, query in kept.seen] == [[size] for size in sizes]
    assert [json.loads(line)["id"] for line in said.out.splitlines()] == list(range(1_201, 1_201 - rows, -1))


def test_a_record_is_shown_with_its_attempts(hongyan: Run, kept: Kept) -> None:
    kept.records, kept.attempts = [record(4711)], {4711: [attempt(1), attempt(2)]}
    said = hongyan("record", "4711")
    assert "last_error       HTTP 503" in said.out
    assert "next_retry_at" not in said.out
    assert [line.split()[0] for line in said.out.splitlines()[-3:]] == ["attempt", "1", "2"]
    assert [one["attempt"] for one in json.loads(hongyan("record", "4711", "--json").out)["attempts"]] == [1, 2]


def test_what_a_producer_wrote_does_not_steer_the_terminal(hongyan: Run, kept: Kept) -> None:
    """Neither escape sequences nor markup nor characters that turn the line around."""
    kept.records = [record(1, summary_text="[red]x[/red]\x1b[2J\x07\u202eabc\x9b1m")]
    for said in (hongyan("records"), hongyan("record", "1")):
        assert r"[red]x[/red]\x1b[2J\x07\u202eabc\x9b1m" in said.out
        assert not set(said.out) & set("\x1b\x07\u202e\x9b")


def test_counts_are_shown_by_stretch_and_state(hongyan: Run, kept: Kept) -> None:
    kept.records = [record(1)]
    said = hongyan("counts", "--since", "2026-11-25T00:00Z", "--by", "day")
    assert said.out.splitlines()[1].split() == ["2026-11-26", "08:30:15", "CST", "dead", "provider_5xx", "1"]
    assert said.out.splitlines()[2] == "under way: 1,234 pending, 0 failed"
    assert kept.seen[0][2] == {"created_from": ["2026-11-25T00:00:00.000Z"], "by": ["day"]}
    assert json.loads(hongyan("counts", "--json").out)["open"] == {"pending": 1_234, "failed": 0}


def test_rejects_are_listed_by_whether_they_were_replayed(hongyan: Run, kept: Kept) -> None:
    kept.rejects = [reject(1), reject(2, replayed_at=NOW)]
    assert "outbox-0@1" in hongyan("rejects", "--not-replayed").out
    listed = [hongyan("rejects", *which, "--json").out for which in (("--not-replayed",), ("--replayed",), ())]
    assert [[json.loads(line)["id"] for line in out.splitlines()] for out in listed] == [[1], [2], [2, 1]]


def test_a_reject_is_shown_with_its_bytes(hongyan: Run, kept: Kept) -> None:
    kept.rejects = [reject(17)]
    said = hongyan("reject", "17")
    assert 'value       {"event_type": 1}' in said.out
    assert json.loads(hongyan("reject", "17", "--json").out)["value"]["base64"] == "eyJldmVudF90eXBlIjogMX0="


@pytest.mark.parametrize("value", ["早上好\n".encode() * 120_000, b"\xff\x00" * 400_000], ids=["text", "bytes"])
def test_a_long_value_is_put_together_from_its_parts(hongyan: Run, kept: Kept, value: bytes) -> None:
    """The API tells it in several answers."""
    whole = reject(17)
    kept.rejects = [replace(whole, source=replace(whole.source, value=value))]
    shown = json.loads(hongyan("reject", "17", "--json").out)
    assert base64.b64decode(shown["value"]["base64"]) == value
    assert shown["value"]["text"] == (value.decode() if value[:1] != b"\xff" else None)
    assert len(kept.seen) > 1


def test_a_header_that_is_too_long_to_be_told_is_counted(hongyan: Run, kept: Kept) -> None:
    whole = reject(17)
    headers = (("trace", b"1"), ("huge", b"x" * 70_000))
    kept.rejects = [replace(whole, source=replace(whole.source, headers=headers))]
    assert "headers     trace=1, and 1 more" in hongyan("reject", "17").out


def test_json_of_a_record_is_json(hongyan: Run, kept: Kept) -> None:
    """For people on one line, in its own characters."""
    kept.records = [record(1, provider_request_json={"message": {"summary": "早上好"}})]
    assert json.loads(hongyan("record", "1", "--json").out)["provider_request_json"]["message"] == {"summary": "早上好"}
    assert '{"message": {"summary": "早上好"}}' in hongyan("record", "1").out


def test_the_audit_tells_who_did_what(hongyan: Run, kept: Kept) -> None:
    kept.audit = [
        {"id": 1, "at": NOW, "actor": "ops@example.com", "action": "redrive", "filter": {"code": "x"}, "count": 3}
    ]
    said = hongyan("audit")
    assert said.out.splitlines()[1].split(maxsplit=6) == [
        "2026-11-26", "08:30:15", "CST", "ops@example.com", "redrive", "3", '{"code": "x"}'
    ]  # fmt: skip


@pytest.mark.parametrize("command", ["record", "reject"])
def test_what_is_not_there_has_an_exit_code_of_its_own(command: str, hongyan: Run) -> None:
    said = hongyan(command, "404")
    assert (said.code, said.out, said.err) == (3, "", f"hongyan: there is no {command} 404\n")


def test_a_proxy_is_not_asked_for_this_machine(hongyan: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a company's machine; the local stack is on this one."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert hongyan("records").code == 0
