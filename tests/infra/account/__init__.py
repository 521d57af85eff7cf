"""An AWS account on this machine: moto's server, with what our stacks need and its CloudFormation lacks."""
