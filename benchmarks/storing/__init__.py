"""What MySQL takes: recording, claiming and closing in sets, and the same row by row."""
