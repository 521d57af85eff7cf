"""Builds each function's use case, in one module per function, so that a cold start pays for its own stage only."""
