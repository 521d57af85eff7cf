"""A stage's settings, as cdk.json gives them."""
