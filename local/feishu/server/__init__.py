"""The simulator's HTTP server: it reads requests, and writes answers whole or broken as a fault asks."""
