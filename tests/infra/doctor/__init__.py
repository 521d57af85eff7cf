"""The doctor, in accounts with one fault each."""
