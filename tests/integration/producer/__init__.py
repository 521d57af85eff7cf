"""The producers' package on a real MySQL and a real Kafka."""
