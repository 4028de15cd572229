"""Adapters that put a data set into the landing zone."""
