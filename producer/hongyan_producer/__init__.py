"""For backends that want a notification sent: writes its event into an outbox, or publishes it to Kafka."""
