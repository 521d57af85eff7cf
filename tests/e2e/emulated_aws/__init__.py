"""What stands in for AWS on this machine: moto, the Lambda runtime and its event sources, with toy functions."""
