"""Hongyan's delivery: ingest a request, claim what is due, send it to Feishu, and account for every one."""

import gc

# What a cold start imports stays. With Python's own threshold the collector looks through it again and again, which
# takes about 4 % of the cold start.
gc.set_threshold(200_000)
