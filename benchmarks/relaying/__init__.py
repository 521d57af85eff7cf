"""What bringing outbox rows to Kafka costs."""
