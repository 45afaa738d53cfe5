"""Worlds, own data, a fitted design -> replicates in which the null is true."""
