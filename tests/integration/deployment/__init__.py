"""What a deployment does to a real MySQL and a real Kafka: tables, users, held records and the topic."""
