"""What every room may use: `arrays`, `text`, `search`, `warn`, `renamed`, `result`, `identity` (what a thing is)."""
