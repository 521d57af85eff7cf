"""The producers' outbox: the relay leases its rows and marks what Kafka did with them, ingest marks what it did."""
