"""What operators read and change, on a real MySQL."""
