"""What every room may use: `arrays`, and `identity`, what a thing is made of."""
