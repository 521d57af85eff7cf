"""Claim on a real MySQL."""
