"""`hongyan`, the operators' command line. It is a client of the HTTP API and knows nothing else of the service."""
