"""The local stack's own issuer of tokens: keys that this checkout keeps, and where APIs find the public ones (OIDC)."""
