"""The delivery stack: the functions, what feeds them, what they may do, and the API."""
