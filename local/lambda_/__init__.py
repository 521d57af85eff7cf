"""Lambda on this machine: execution environments, and the event sources that feed them."""
