"""The commands of `python -m local`: what a developer does with the local stack."""
