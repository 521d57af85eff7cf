"""The stack that holds the stage's own network, database and brokers."""
