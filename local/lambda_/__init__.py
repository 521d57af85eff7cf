"""Lambda on this machine: execution environments, the Invoke API, and the event sources that invoke functions."""
