"""What a deployment runs once: the migration with the functions' database users, and the Kafka topic."""
