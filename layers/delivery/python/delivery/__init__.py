"""Hongyan's delivery: ingest a request, claim what is due, send it to Feishu, and account for every one."""

import gc

# What a cold start makes stays: 150,000 to 180,000 objects by the end of the first call. With a lower threshold the
# collector looks through them several times and finds next to nothing.
gc.set_threshold(200_000)
