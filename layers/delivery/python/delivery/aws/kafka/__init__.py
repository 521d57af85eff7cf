"""The one place that speaks to Kafka's brokers: it finds them, logs in, makes topics and produces."""
