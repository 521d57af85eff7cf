"""Prune on a real MySQL."""
