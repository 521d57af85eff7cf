"""Runs the functions in containers with the SAM command line."""

#: this machine's name in a container
CONTAINER_HOST = "host.docker.internal"
