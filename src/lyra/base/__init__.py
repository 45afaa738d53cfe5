"""What every room may use: `arrays`, `text`, `search`, `warn`, and `identity`, what a thing is made of."""
