"""For backends that want a notification sent: writes its event into an outbox, or publishes it to Kafka."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hongyan_producer.dedupe import half_hour_key
    from hongyan_producer.event import ContractError, Event, checked_event
    from hongyan_producer.kafka import publish
    from hongyan_producer.outbox import enqueue
    from hongyan_producer.partitions import partition_of

__all__ = ["ContractError", "Event", "checked_event", "enqueue", "half_hour_key", "partition_of", "publish"]
_MODULES = {
    "ContractError": "event",
    "Event": "event",
    "checked_event": "event",
    "enqueue": "outbox",
    "half_hour_key": "dedupe",
    "partition_of": "partitions",
    "publish": "kafka",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - any of the module's objects
    """Imports on first use: the service's functions need only the contract, and imports lengthen their cold starts."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
