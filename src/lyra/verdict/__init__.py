"""The table -> of a method its size, of a design its power; which line to read."""
