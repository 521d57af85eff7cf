"""The functions as they are deployed: their cold starts, and the processor time that they need."""
