"""The API's routes, with what each takes and who may ask for it; /openapi.json describes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query
from pydantic import AwareDatetime

from delivery.aws.api.answers import Refusal, answered, broken, not_found, refused, wrong_param
from delivery.aws.api.bodies import RecordsMeant, RedriveBody, RejectsMeant, ReplayBody
from delivery.aws.api.channels import ROOT, WAYS, ChannelBody, ChannelRoutes
from delivery.aws.api.identity import Identities
from delivery.aws.api.operators import OperatorRoutes
from delivery.domain.record import Status

TITLE, VERSION = "Hongyan notifications", "1"
OPERATE = f"{ROOT}/operate"
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)

_Way = Annotated[Literal["feishu"], Path(description="the way of reaching Feishu")]
_UserId = Annotated[str, Path(description="the user whom a backend speaks for")]
_Id = Annotated[int, Path(gt=0, lt=2**63)]
_Size = Annotated[int, Query(ge=1, le=500, description="rows on a page")]
_Next = Annotated[str | None, Query(max_length=400, description="where an earlier answer said to go on")]
_Word = Annotated[str | None, Query(min_length=1, max_length=191)]
_Time = Annotated[AwareDatetime | None, Query(description="RFC 3339")]
