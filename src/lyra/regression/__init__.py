"""Sums -> an estimate and its scores."""
