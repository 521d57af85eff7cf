"""The data stack: network, MySQL and Kafka of a stage's own."""
