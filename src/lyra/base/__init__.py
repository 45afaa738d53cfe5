"""What every room may use: `arrays`, `text`, `search`, `warn`, `renamed`, and `identity`, what a thing is made of."""
