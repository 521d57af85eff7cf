"""The sections of a stage, a class for each kind that one may be of."""
