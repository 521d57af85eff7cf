"""The API in front of its function: routes, domain, limits and who may call."""
