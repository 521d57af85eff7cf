"""The real functions with real servers, of which one is away for hours."""
