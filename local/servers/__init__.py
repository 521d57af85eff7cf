"""The servers of the local stack: MySQL, Kafka, and moto in the place of AWS."""
