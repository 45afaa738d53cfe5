"""What the clusters can bear."""
