"""What the local stack and its demo start and read: MySQL, Kafka and the simulated Feishu."""
