"""A Flow webhook courier aimed at a server of this machine."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from delivery.domain.channel import WEBHOOK_PATH, Channel
from delivery.feishu.flow_webhook import FlowWebhook, Wording, open_connections
from tests.unit.samples import NOW, WEBHOOK_KEY, channel

if TYPE_CHECKING:
    from collections.abc import Iterator

WORDING = Wording(action_base_url="https://app.example")


@contextmanager
def courier(origin: str, *, patience: float = 5.0) -> Iterator[FlowWebhook]:
    connections = open_connections(4)
    try:
        yield FlowWebhook(
            connections=connections,
            wording=WORDING,
            patience=timedelta(seconds=patience),
            now=lambda: NOW,
            origins=(origin,),
        )
    finally:
        connections.clear()


def channel_at(origin: str, **changes: object) -> Channel:
    return channel(**({"webhook_url": f"{origin}{WEBHOOK_PATH}{WEBHOOK_KEY}"} | changes))
