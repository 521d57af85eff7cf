"""The relay on real MySQL and a real Kafka broker."""
