"""What invokes the functions in place of Lambda's event sources: a Kafka topic, an SQS queue, a schedule."""
