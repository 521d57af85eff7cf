"""The real API's routes behind a real HTTP server, over a store in memory: what `hongyan` talks to in its tests.

What API Gateway does before the function is called stands here: it checks tokens, and makes events of requests.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

from delivery.aws.api.app import Api
from delivery.aws.api.channels import ChannelRoutes
from delivery.aws.api.identity import Identities
from delivery.aws.api.operators import Operating, OperatorRoutes
from delivery.channels import Tested
from delivery.domain.channel import Channel
from delivery.domain.contract import RejectCode
from delivery.domain.intake import KafkaRecord, Reject
from delivery.domain.operating import Count, Done, Page, Place, RecordFilter, RejectFilter, Resealed, StoredReject
from delivery.domain.outcome import Delivered, ErrorCode, NoRecipient, PermanentFailure
from delivery.domain.record import Status
from delivery.domain.saved_channel import LastTest, SavedChannel
from delivery.feishu.flow_webhook import FLOW_WEBHOOK
from delivery.operate import Redriver, Replayer

NOW = datetime(2026, 11, 26, 0, 30, 15, tzinfo=UTC)
OPERATOR, USER = "operator-token", "user-7-token"
_CLAIMS = {
    OPERATOR: {"sub": "ops@example.com", "scope": "openid notifications:operate"},
    USER: {"sub": "7", "scope": "openid"},
}


def record(record_id: int, **values: object) -> dict[str, Any]:
    """As storage reads one."""
    return {
        "id": record_id,
        "user_id": 7,
        "status": Status.DEAD,
        "last_error_code": "provider_5xx",
        "last_error": "HTTP 503",
        "attempt_count": 5,
        "max_attempts": 5,
        "next_retry_at": None,
        "dedupe_key": f"key-{record_id}",
        "summary_text": "早上好",
        "created_at": NOW + timedelta(seconds=record_id),
        **values,
    }


def attempt(number: int) -> dict[str, Any]:
    return {
        "attempt": number,
        "started_at": NOW,
        "outcome": "failed",
        "error_code": "provider_5xx",
        "error": "HTTP 503",
        "http_status": 503,
        "latency_ms": 12,
        "way": FLOW_WEBHOOK,
    }


def reject(reject_id: int, **values: object) -> StoredReject:
    source = KafkaRecord(
        topic="outbox", partition=0, offset=reject_id, timestamp=1, key=b"7", value=b'{"event_type": 1}', headers=()
    )
    known = {
        "id": reject_id,
        "topic": "outbox",
        "partition": 0,
        "offset": reject_id,
        "timestamp": 1,
        "code": "envelope_invalid",
        "reason": "event_type: should be a string",
        "created_at": NOW + timedelta(seconds=reject_id),
        "replayed_at": None,
        **values,
    }
    return StoredReject(id=reject_id, source=source, is_whole=True, known=known)


@dataclass(kw_only=True)
class Kept:
    """What the API finds and changes. `seen` has every request as method, path and query."""

    records: list[dict[str, Any]] = field(default_factory=list)
    attempts: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    rejects: list[StoredReject] = field(default_factory=list)
    audit: list[dict[str, Any]] = field(default_factory=list)
    channels: dict[int, Channel] = field(default_factory=dict)
    #: who made each data key
    keys: list[str] = field(default_factory=list)
    #: how many channels there are to seal anew, and how many of the last do not open
    sealed: int = 0
    unreadable: int = 0
    #: ids of rejects that ingest turns down again
    bad: set[int] = field(default_factory=set)
    seen: list[tuple[str, str, dict[str, list[str]]]] = field(default_factory=list)
    #: answers instead of the API's own, by turns: a status and a body
    instead: list[tuple[int, bytes]] = field(default_factory=list)
    #: called with each request before it is answered
    before: Callable[[], None] = lambda: None
    claims: dict[str, dict[str, str]] = field(default_factory=lambda: dict(_CLAIMS))

    # the searches
    def page(
        self,
        wanted: RecordFilter | RejectFilter | None = None,
        *,
        after: Place | None = None,
        size: int = 50,
        oldest_first: bool = False,
    ) -> Page:
        rows: Sequence[Mapping[str, Any]] = self.audit
        if isinstance(wanted, RecordFilter):
            rows = self.records
        if isinstance(wanted, RejectFilter):
            rows = [one.known for one in self.rejects]
        found = sorted((row for row in rows if _meant(row, wanted)), key=_place, reverse=not oldest_first)
        behind = [
            row for row in found if after is None or (_place(row) > after if oldest_first else _place(row) < after)
        ]
        return Page(rows=behind[:size], next=_place(behind[size - 1]) if len(behind) > size else None)

    def record(self, record_id: int) -> tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]] | None:
        found = next((row for row in self.records if row["id"] == record_id), None)
        return (found, self.attempts.get(record_id, [])) if found else None

    def over_time(self, **_times: object) -> list[Count]:
        return [Count(NOW, Status.DEAD, "provider_5xx", len(self.records))]

    def open_now(self) -> dict[Status, int]:
        return {Status.PENDING: 1_234, Status.FAILED: 0}

    # redrive
    def count_set(self, wanted: RecordFilter, *, after: Place | None, size: int) -> Done:
        found = self.page(wanted, after=after, size=size, oldest_first=True)
        return Done(changed=len([row for row in found.rows if row["status"] in _ENDED]), next=found.next)

    def redrive_set(
        self, wanted: RecordFilter, _terms: object, _action: object, *, after: Place | None, size: int
    ) -> Done:
        found = self.page(wanted, after=after, size=size, oldest_first=True)
        return Done(changed=self.redrive([row["id"] for row in found.rows]), next=found.next)

    def count_ended(self, ids: Sequence[int]) -> int:
        return len([row for row in self.records if row["id"] in ids and row["status"] in _ENDED])

    def redrive(self, ids: Sequence[int], *_rest: object) -> int:
        found = [row for row in self.records if row["id"] in ids and row["status"] in _ENDED]
        for row in found:
            row["status"] = Status.FAILED
        return len(found)

    # replay
    def whole(self, ids: Sequence[int]) -> Sequence[StoredReject]:
        return [one for one in self.rejects if one.id in ids]

    def mark_replayed(self, ids: Sequence[int], _action: object, *, now: datetime) -> int:
        for one in self.whole(ids):
            cast("dict[str, Any]", one.known)["replayed_at"] = now
        return len(ids)

    def run(self, batch: Sequence[KafkaRecord]) -> SimpleNamespace:
        """Ingest: `offset` is the reject's id."""
        return SimpleNamespace(rejects=self.would_reject(batch))

    def would_reject(self, batch: Sequence[KafkaRecord]) -> list[Reject]:
        again = [one for one in batch if one.offset in self.bad]
        return [Reject(source=one, code=RejectCode.PAYLOAD_INVALID, reason="no user") for one in again]

    # keys
    def rotate(self, *, actor: str) -> int:
        self.keys.append(actor)
        return len(self.keys)

    def reseal(self, *, actor: str, until: datetime, begin: int) -> Resealed:
        """A hundred channels each time."""
        assert (actor, until) == ("ops@example.com", NOW)
        behind = max(0, self.sealed - begin - 100)
        return Resealed(
            changed=min(100, self.sealed - begin),
            unreadable=self.unreadable if not behind else 0,
            next=begin + 100 if behind else None,
            left=behind,
        )

    # channels
    def show(self, user_id: int, _way: str) -> SavedChannel | None:
        channel = self.channels.get(user_id)
        test = LastTest(status="success", error="", at=NOW)
        return (
            SavedChannel(
                settings=channel, enabled=channel.enabled, has_bearer_token=bool(channel.bearer_token), last_test=test
            )
            if channel
            else None
        )

    def of_user(self, user_id: int) -> Mapping[str, SavedChannel]:
        found = self.show(user_id, FLOW_WEBHOOK)
        return {FLOW_WEBHOOK: found} if found else {}

    def where(self, _saved: SavedChannel) -> str:
        return "https://www.feishu.cn/flow/…KEY4"

    def save(self, channel: Channel) -> SavedChannel | None:
        self.channels[channel.user_id] = channel
        return self.show(channel.user_id, channel.channel)

    def remove(self, user_id: int, _way: str) -> None:
        self.channels.pop(user_id, None)

    def test(self, user_id: int, _way: str) -> Tested:
        channel = self.channels.get(user_id)
        if channel is None:
            return Tested(outcome=NoRecipient(reason="用户未配置飞书 Webhook 触发器"), at=NOW)
        if channel.webhook_url.endswith("broken"):
            refused = PermanentFailure(code=ErrorCode.AUTH_FAILED, reason="HTTP 401")
            return Tested(outcome=refused, at=NOW)
        return Tested(outcome=Delivered(provider_message_id=""), at=NOW)


_ENDED = (Status.DEAD, Status.SKIPPED)


def _place(row: Mapping[str, Any]) -> Place:
    return Place(row.get("created_at") or row["at"], row["id"])


def _meant(row: Mapping[str, Any], wanted: RecordFilter | RejectFilter | None) -> bool:
    match wanted:
        case RecordFilter():
            return (
                wanted.user_id in (None, row["user_id"])
                and (not wanted.statuses or row["status"] in wanted.statuses)
                and wanted.code in (None, row["last_error_code"])
                and wanted.dedupe_key in (None, row["dedupe_key"])
                and (wanted.created_from is None or row["created_at"] >= wanted.created_from)
            )
        case RejectFilter():
            replayed = row["replayed_at"] is not None
            return (
                wanted.code in (None, row["code"])
                and wanted.topic in (None, row["topic"])
                and wanted.replayed in (None, replayed)
            )
        case None:
            return True


@contextmanager
def served(kept: Kept) -> Iterator[str]:
    """The API's address."""
    app = _api(kept).app()

    class Handler(_Handler):
        def answer(self, event: dict[str, Any]) -> Mapping[str, Any]:
            return app.resolve(event, cast("Any", SimpleNamespace()))

    Handler.kept = kept
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True, kwargs={"poll_interval": 0.02}).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _api(kept: Kept) -> Api:
    store: Any = kept
    operating = Operating(
        search=store,
        counts=store,
        rejects=store,
        audit=store,
        redriver=Redriver(store=store, attempts=5, now=lambda: NOW),
        replayer=Replayer(store=store, ingester=store, now=lambda: NOW),
        rotation=store,
        resealer=cast("Any", SimpleNamespace(run=kept.reseal)),
    )
    return Api(
        identities=Identities(user_claim="sub", operate_scope="notifications:operate"),
        channels=ChannelRoutes(channels=lambda: store),
        operators=OperatorRoutes(operating=lambda: operating),
        until=lambda _context: NOW,  # one set for each call
    )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    kept: Kept

    def answer(self, event: dict[str, Any]) -> Mapping[str, Any]:
        raise NotImplementedError

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        address = urlsplit(self.path)
        self.kept.seen.append((self.command, address.path, parse_qs(address.query)))
        self.kept.before()
        if self.kept.instead:
            return self._say(*self.kept.instead.pop(0))
        authorizer = self._authorizer()
        if authorizer is None:
            return self._say(401, b'{"message":"Unauthorized"}')
        answer = self.answer(self._event(address.path, address.query, body, authorizer))
        return self._say(answer["statusCode"], answer["body"].encode())

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - the base class looks for these names

    def _authorizer(self) -> dict[str, Any] | None:
        given = self.headers.get("Authorization", "")
        if given.startswith("AWS4-HMAC-SHA256 ") and "X-Amz-Date" in self.headers:
            return {"iam": {"userArn": "arn:aws:iam::1:user/ops"}}
        claims = self.kept.claims.get(given.removeprefix("Bearer "))
        return {"jwt": {"claims": claims}} if claims else None

    def _event(self, path: str, query: str, body: bytes, authorizer: dict[str, Any]) -> dict[str, Any]:
        """Payload format 2.0, where the values of a repeated name are joined by commas."""
        return {
            "version": "2.0",
            "rawPath": path,
            "rawQueryString": query,
            "queryStringParameters": {name: ",".join(values) for name, values in parse_qs(query).items()},
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "requestContext": {
                "http": {"method": self.command, "path": path},
                "stage": "$default",
                "authorizer": authorizer,
            },
            "body": body.decode() or None,
            "isBase64Encoded": False,
        }

    def _say(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        with suppress(ConnectionError):  # who asked may have been interrupted
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        pass
