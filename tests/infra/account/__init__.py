"""An AWS account on this machine: moto's server, with what its CloudFormation lacks filled in for our stacks."""
