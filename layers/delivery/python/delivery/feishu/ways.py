"""The table of the ways: the name that a channel's row has for its way, and the class that sends over it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from delivery.feishu.flow_webhook import FLOW_WEBHOOK, FlowWebhook
from delivery.feishu.way import Feishu, Way

WAYS: Mapping[str, Callable[[Feishu], Way]] = {FLOW_WEBHOOK: FlowWebhook}
"""In the order in which a user's channels are tried."""


def open_ways(feishu: Feishu) -> dict[str, Way]:
    """Every way, built from what they share."""
    return {name: way(feishu) for name, way in WAYS.items()}
