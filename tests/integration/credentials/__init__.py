"""Credentials on a real MySQL: sealed channels, and the keys that open them."""
