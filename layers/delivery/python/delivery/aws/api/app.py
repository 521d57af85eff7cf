"""The API's routes, with what each takes and who may ask for it; /openapi.json describes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query
from pydantic import AwareDatetime

from delivery.aws.api.answers import JSON, Refusal, broken, not_found, refused, unavailable, wrong_param
from delivery.aws.api.bodies import RecordsMeant, RedriveBody, RejectsMeant, ReplayBody, ResealBody
from delivery.aws.api.channels import ROOT, WAYS, ChannelBody, ChannelRoutes
from delivery.aws.api.description import described
from delivery.aws.api.door import OPERATE, Door, is_of_operators
from delivery.aws.api.identity import Identities
from delivery.aws.api.operators import OperatorRoutes
from delivery.aws.api.outages import away
from delivery.aws.telemetry import logger
from delivery.domain.record import Status

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)

_Way = Annotated[Literal["feishu"], Path(description="the way of reaching Feishu")]
_UserId = Annotated[str, Path(description="the user whom a backend speaks for")]
_Id = Annotated[int, Path(gt=0, lt=2**63)]
_Size = Annotated[int, Query(ge=1, le=500, description="rows on a page")]
_Next = Annotated[str | None, Query(max_length=400, description="where an earlier answer said to go on")]
_Word = Annotated[str | None, Query(min_length=1, max_length=191)]
_Time = Annotated[AwareDatetime | None, Query(description="RFC 3339")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """The routes, in the order of docs/api.md."""

    identities: Identities
    channels: ChannelRoutes
    operators: OperatorRoutes
    #: The moment by which a request must be answered.
    until: Callable[[Any], datetime]

    def door(self) -> Door:
        return Door(identities=self.identities, app=self.app())

    def app(self) -> APIGatewayHttpResolver:
        app = APIGatewayHttpResolver(enable_validation=True)
        self._errors(app)
        self._for_users(app)
        self._for_backends(app)
        self._records(app)
        self._counts(app)
        self._rejects(app)
        self._people(app)
        self._operations(app)
        self._description(app)
        return app

    def _errors(self, app: APIGatewayHttpResolver) -> None:
        app.exception_handler(Refusal)(refused)
        app.exception_handler(RequestValidationError)(lambda error: refused(_broken_rules(app, error)))
        app.not_found(lambda _error: refused(not_found()))
        app.exception_handler(Exception)(lambda error: _failed(app, error))

    def _for_users(self, app: APIGatewayHttpResolver) -> None:
        path, routes = f"{ROOT}/channels/<way>", self.channels

        def user() -> int:
            return self.identities.user(app.current_event.raw_event)

        @app.get(path, tags=["channels"])
        def show_channel(way: _Way) -> Response[str]:
            return routes.show(user(), WAYS[way])

        @app.put(path, tags=["channels"])
        def save_channel(way: _Way, body: Annotated[ChannelBody, Body()]) -> Response[str]:
            return routes.save(user(), WAYS[way], body)

        @app.delete(path, tags=["channels"])
        def delete_channel(way: _Way) -> Response[str]:
            return routes.remove(user(), WAYS[way])

        @app.post(f"{path}/test", tags=["channels"])
        def test_channel(way: _Way) -> Response[str]:
            return routes.test(user(), WAYS[way])

    def _for_backends(self, app: APIGatewayHttpResolver) -> None:
        path, routes = f"{ROOT}/users/<user_id>/channels/<way>", self.channels

        def user(user_id: str) -> int:
            return self.identities.named_user(app.current_event.raw_event, user_id)

        @app.get(path, tags=["backends"])
        def show_channel_of(user_id: _UserId, way: _Way) -> Response[str]:
            return routes.show(user(user_id), WAYS[way])

        @app.put(path, tags=["backends"])
        def save_channel_of(user_id: _UserId, way: _Way, body: Annotated[ChannelBody, Body()]) -> Response[str]:
            return routes.save(user(user_id), WAYS[way], body)

        @app.delete(path, tags=["backends"])
        def delete_channel_of(user_id: _UserId, way: _Way) -> Response[str]:
            return routes.remove(user(user_id), WAYS[way])

        @app.post(f"{path}/test", tags=["backends"])
        def test_channel_of(user_id: _UserId, way: _Way) -> Response[str]:
            return routes.test(user(user_id), WAYS[way])

    def _records(self, app: APIGatewayHttpResolver) -> None:
        routes = self.operators

        @app.get(f"{OPERATE}/records", tags=["operators"])
        def list_records(
            *,
            user_id: Annotated[int | None, Query(gt=0, lt=2**63)] = None,
            status: Annotated[list[Status], Query()] = [],  # noqa: B006 - Powertools reads it and never writes it
            code: _Word = None,
            way: _Word = None,
            trigger_id: _Word = None,
            trigger_type: _Word = None,
            preview_id: _Word = None,
            dedupe_key: _Word = None,
            created_from: _Time = None,
            created_before: _Time = None,
            size: _Size = 50,
            next: _Next = None,  # noqa: A002 - the word that answers use
        ) -> Response[str]:
            self._operator(app)
            wanted = RecordsMeant(
                user_id=user_id,
                status=status,
                code=code,
                way=way,
                trigger_id=trigger_id,
                trigger_type=trigger_type,
                preview_id=preview_id,
                dedupe_key=dedupe_key,
                created_from=created_from,
                created_before=created_before,
            )
            return routes.records(wanted, size=size, after=next)

        @app.get(f"{OPERATE}/records/<record_id>", tags=["operators"])
        def show_record(record_id: _Id) -> Response[str]:
            self._operator(app)
            return routes.record(record_id)

    def _counts(self, app: APIGatewayHttpResolver) -> None:
        routes = self.operators

        @app.get(f"{OPERATE}/counts", tags=["operators"])
        def count_records(
            created_from: _Time = None, created_before: _Time = None, by: Literal["hour", "day"] = "hour"
        ) -> Response[str]:
            self._operator(app)
            before = created_before or datetime.now(UTC)
            since = created_from or before - _DAY
            return routes.counts(since=since, before=before, stretch=_HOUR if by == "hour" else _DAY)

    def _rejects(self, app: APIGatewayHttpResolver) -> None:
        routes = self.operators

        @app.get(f"{OPERATE}/rejects", tags=["operators"])
        def list_rejects(
            *,
            code: _Word = None,
            topic: _Word = None,
            replayed: Annotated[bool | None, Query()] = None,
            created_from: _Time = None,
            created_before: _Time = None,
            size: _Size = 50,
            next: _Next = None,  # noqa: A002
        ) -> Response[str]:
            self._operator(app)
            wanted = RejectsMeant(
                code=code, topic=topic, replayed=replayed, created_from=created_from, created_before=created_before
            )
            return routes.rejects(wanted, size=size, after=next)

        @app.get(f"{OPERATE}/rejects/<reject_id>", tags=["operators"])
        def show_reject(
            reject_id: _Id,
            value_from: Annotated[
                int, Query(ge=0, lt=2**31, description="where an earlier part of its value ended")
            ] = 0,
        ) -> Response[str]:
            self._operator(app)
            return routes.reject(reject_id, value_from=value_from)

    def _people(self, app: APIGatewayHttpResolver) -> None:
        routes = self.operators

        @app.get(f"{OPERATE}/channels", tags=["operators"])
        def show_channels(user_id: Annotated[int, Query(gt=0, lt=2**63)]) -> Response[str]:
            self._operator(app)
            return self.channels.all_of(user_id)

        @app.get(f"{OPERATE}/audit", tags=["operators"])
        def list_audit(size: _Size = 50, next: _Next = None) -> Response[str]:  # noqa: A002
            self._operator(app)
            return routes.audit(size=size, after=next)

    def _operations(self, app: APIGatewayHttpResolver) -> None:
        routes = self.operators

        @app.post(f"{OPERATE}/redrive", tags=["operators"])
        def redrive(body: Annotated[RedriveBody, Body()]) -> Response[str]:
            actor = self._operator(app)
            return routes.redrive(body, actor=actor, until=self.until(app.lambda_context))

        @app.post(f"{OPERATE}/replay", tags=["operators"])
        def replay(body: Annotated[ReplayBody, Body()]) -> Response[str]:
            actor = self._operator(app)
            return routes.replay(body, actor=actor, until=self.until(app.lambda_context))

        @app.post(f"{OPERATE}/keys/rotate", tags=["operators"])
        def rotate_key() -> Response[str]:
            return routes.rotate(actor=self._operator(app))

        @app.post(f"{OPERATE}/keys/reseal", tags=["operators"])
        def reseal(body: Annotated[ResealBody, Body()]) -> Response[str]:
            actor = self._operator(app)
            return routes.reseal(body, actor=actor, until=self.until(app.lambda_context))

    def _description(self, app: APIGatewayHttpResolver) -> None:
        @app.get("/openapi.json", include_in_schema=False)
        def openapi() -> Response[str]:
            return Response(status_code=200, content_type=JSON, body=described(app))

    def _operator(self, app: APIGatewayHttpResolver) -> str:
        return self.identities.operator(app.current_event.raw_event)


def _failed(app: APIGatewayHttpResolver, error: Exception) -> Response[str]:
    logger.exception("a request failed", exc_info=error)
    if what := away(error):
        return refused(unavailable(what, to_operator=is_of_operators(app.current_event.raw_event)))
    return broken()


def _broken_rules(app: APIGatewayHttpResolver, error: RequestValidationError) -> Refusal:
    """Tells operators which fields break which rules, without values. Users read what the Go service told them."""
    if any(tuple(detail["loc"]) == ("path", "way") for detail in error.errors()):
        return not_found()
    if not app.current_event.path.startswith(OPERATE):
        return wrong_param()
    rules = (f"{_field(detail)}: {detail['msg']}" for detail in error.errors())
    return wrong_param(f"wrong param type: {'; '.join(rules)}"[:500])


def _field(detail: Mapping[str, Any]) -> str:
    """The field's path. The name of an unknown field is left out, because the caller may have written anything."""
    place = detail["loc"][1:-1] if detail["type"] == "extra_forbidden" else detail["loc"][1:]
    return ".".join(map(str, place)) or "body"
