"""The prediction table: choose a model, publish a day, take it back, tidy up; how fresh it is."""
