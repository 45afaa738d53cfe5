"""Whatever the user has -> complete rows, and who sits where."""
