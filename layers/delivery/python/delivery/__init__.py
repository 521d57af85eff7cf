"""Hongyan's delivery: ingest a request, claim what is due, send it to Feishu, and account for every one."""
