"""Spark jobs, one a file; `transforms/` holds the pure functions that they are made of."""
