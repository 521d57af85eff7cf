"""The decisions of the service, without SQL, AWS or HTTP."""
