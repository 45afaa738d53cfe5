"""An estimate -> standard error, law, p-value and interval, by every method."""
