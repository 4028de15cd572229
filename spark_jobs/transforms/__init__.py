"""Pure functions from DataFrames to DataFrames: no session, no configuration, no clock, no I/O."""
