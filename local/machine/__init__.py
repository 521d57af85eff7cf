"""What the local stack does with the machine it runs on: processes, ports and locks."""
