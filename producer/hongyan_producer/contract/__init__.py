"""The event's contract: its fields and their rules, declared here for producers and for ingest."""
