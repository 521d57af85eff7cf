"""An AWS account on this machine: moto's server, extended by what our stacks need and its CloudFormation lacks."""
