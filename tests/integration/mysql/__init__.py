"""Connections to MySQL: how long they may wait, and what their errors tell."""
