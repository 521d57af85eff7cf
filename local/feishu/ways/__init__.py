"""The ways of reaching Feishu that the simulator knows: one module each, listed in one table."""

from collections.abc import Sequence

from local.feishu.ways.flow_webhook import FlowWebhook
from local.feishu.ways.way import Way

WAYS: Sequence[Way] = (FlowWebhook(),)


def way_of(path: str) -> tuple[Way, str] | tuple[None, str]:
    """The way that a path belongs to, and the key in the path. For any other path, None and an empty key."""
    for way in WAYS:
        if key := way.key_of(path):
            return way, key
    return None, ""
