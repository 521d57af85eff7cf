"""What the functions that have to do with Kafka get: the event source, logins and rights, and the topic itself."""
