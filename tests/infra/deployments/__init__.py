"""`make deploy` and the similar commands, and deployments by them into a server of AWS's APIs."""
