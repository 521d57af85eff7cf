"""Lambda's event sources: Kafka, SQS and the schedule."""
