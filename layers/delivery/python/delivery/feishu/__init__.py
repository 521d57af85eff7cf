"""The ways of reaching Feishu: each sends an attempt over a channel and says how that ended."""

import warnings

# The layer leaves out what requests guesses encodings with: its import lengthens a cold start, and we decode ourselves.
warnings.filterwarnings("ignore", message="Unable to find acceptable character detection dependency")
