"""What the demo publishes, and how: to Kafka itself, or through the outbox."""
