"""The functions in containers, by the SAM command line."""
