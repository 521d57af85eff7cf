"""Whole stages: what they may be made of, where, from what a team has, and that they keep published rules."""
