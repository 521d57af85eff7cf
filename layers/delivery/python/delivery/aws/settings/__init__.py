"""What each function reads from its environment: a module for each, so that a cold start builds only its own."""
