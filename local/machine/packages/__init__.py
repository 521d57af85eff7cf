"""Debian packages, unpacked below the checkout without root."""
