"""Runs the functions in containers with the SAM command line."""
