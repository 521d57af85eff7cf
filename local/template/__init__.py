"""Synthesizes the template of stage `local`, creates it in moto, and reads from it what the local stack runs."""
