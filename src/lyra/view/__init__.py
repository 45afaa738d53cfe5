"""Results -> terminal and JSON."""
