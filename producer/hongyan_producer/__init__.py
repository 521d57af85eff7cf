"""For backends that want a notification sent: writes its event into an outbox, or publishes it to Kafka."""

from hongyan_producer.dedupe import half_hour_key
from hongyan_producer.event import ContractError, Event, checked_event
from hongyan_producer.kafka import publish
from hongyan_producer.outbox import enqueue
from hongyan_producer.partitions import partition_of

__all__ = ["ContractError", "Event", "checked_event", "enqueue", "half_hour_key", "partition_of", "publish"]
