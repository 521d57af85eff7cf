"""The migrations, from nothing and from the Go service's tables."""
