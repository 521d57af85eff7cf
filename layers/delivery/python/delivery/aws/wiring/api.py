"""Builds the API on the first call of a function instance, and keeps it."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from delivery.aws.api.app import Api
from delivery.aws.api.channels import ChannelRoutes
from delivery.aws.api.door import Door
from delivery.aws.api.identity import Identities
from delivery.aws.api.operators import Operating, OperatorRoutes
from delivery.aws.clients import client
from delivery.aws.key_ring import KmsKeyRing
from delivery.aws.settings.api import ApiSettings
from delivery.aws.wiring.foundation import deadline, engine_of, utc_now
from delivery.aws.wiring.ingest import ingester
from delivery.channels import UserChannels
from delivery.feishu.transport import Transport
from delivery.feishu.way import Feishu, Wording
from delivery.feishu.ways import open_ways
from delivery.operate import Redriver, Replayer
from delivery.resealing import Resealer, Rotation
from delivery.storage.channels import Channels
from delivery.storage.data_keys import DataKeys
from delivery.storage.operating.audited import Audit
from delivery.storage.operating.counting import RecordCounts
from delivery.storage.operating.redriving import Redrives
from delivery.storage.operating.rejected import Rejects
from delivery.storage.operating.resealing import Reseals
from delivery.storage.operating.searching import RecordSearch
from delivery.storage.saved_channels import SavedChannels

if TYPE_CHECKING:  # its import costs a cold start
    from aws_lambda_powertools.utilities.typing import LambdaContext

#: Of the function's time, which is the time that API Gateway waits: 6 of 8 seconds are for the work.
_TO_ANSWER_SECONDS = 2
#: Of a test message. A second is left for what comes before it, and one for writing what came of it.
_TEST_CALL = timedelta(seconds=4)


def until(context: LambdaContext) -> datetime:
    """Until when a request may work."""
    return deadline(context, spare_seconds=_TO_ANSWER_SECONDS)


@cache
def door() -> Door:
    settings = ApiSettings.read()
    identities = Identities(user_claim=settings.user_claim, operate_scope=settings.operate_scope)
    return Api(
        identities=identities,
        channels=ChannelRoutes(channels=_channels),
        operators=OperatorRoutes(operating=_operating),
        until=until,
    ).door()


@cache
def _channels() -> UserChannels:
    settings, engine = ApiSettings.read(), _engine()
    channels = Channels(engine=engine, keys=_keys())
    return UserChannels(
        saved=SavedChannels(engine=engine, channels=channels),
        writer=channels,
        ways=open_ways(_feishu(settings)),
        now=utc_now,
    )


@cache
def _operating() -> Operating:
    engine, rejects = _engine(), Rejects(engine=_engine())
    return Operating(
        search=RecordSearch(engine=engine),
        counts=RecordCounts(engine=engine),
        rejects=rejects,
        audit=Audit(engine=engine),
        redriver=Redriver(store=Redrives(engine=engine), attempts=ApiSettings.read().max_attempts, now=utc_now),
        replayer=Replayer(store=rejects, ingester=ingester(), now=utc_now),
        rotation=Rotation(keys=_keys()),
        resealer=Resealer(store=Reseals(engine=engine, keys=_keys()), now=utc_now),
    )


@cache
def _keys() -> KmsKeyRing:
    stored = DataKeys(engine=_engine())
    return KmsKeyRing(kms=client("kms"), kms_key=ApiSettings.read().data_key_arn, stored=stored, now=utc_now)


@cache
def _engine() -> Engine:
    return engine_of(ApiSettings.read())


def _feishu(settings: ApiSettings) -> Feishu:
    wording = Wording(
        event=settings.event,
        title=settings.title,
        action_text=settings.action_text,
        action_base_url=settings.action_base_url,
    )
    return Feishu(
        transport=Transport.open(concurrency=1, timeout=_TEST_CALL),
        stage=settings.stage,
        wording=wording,
        webhook_origins=settings.webhook_origins,
        now=utc_now,
    )
