"""Synthesis, as a person, the CDK's command line and the local stack run it."""
