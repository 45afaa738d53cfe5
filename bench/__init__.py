"""What lyra is measured against: speed, memory, size, and inputs nobody chose. Run as `python -m bench.NAME`."""
