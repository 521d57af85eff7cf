"""What operators do, measured."""
