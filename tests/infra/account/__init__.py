"""What the tests of deployments know of an account: what it holds, and a copy of what is deployed there."""
