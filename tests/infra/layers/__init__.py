"""The layers of code: what they hold, how they are built, and that functions need nothing else."""
