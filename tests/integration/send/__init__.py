"""Send on a real MySQL: attempts are opened and closed, whatever dies or is in the way."""
