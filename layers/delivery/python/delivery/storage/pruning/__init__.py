"""Finds and deletes what is past its days: a module for each kind of row."""
