"""The HTTP API: who asks, what they may ask, and how they are answered. What is done stands in the use cases."""
