"""Replicates x methods -> the table of what each said."""
