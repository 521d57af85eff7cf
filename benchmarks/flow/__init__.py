"""The whole service on the local stack, from Kafka to Feishu."""
