"""Ingest on a real MySQL: what a batch leaves there, and what becomes of rejects."""
