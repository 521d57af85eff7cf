"""API Gateway's HTTP APIs on this machine: the template's routes and authorizers, in front of the real functions.

Source of what it does: API Gateway developer guide, the chapters "HTTP APIs".
"""
