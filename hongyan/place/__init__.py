"""Where the service is that commands talk to: a deployed stage, or the local stack."""
