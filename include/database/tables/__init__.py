"""The warehouse's tables, a file a subject. `migrations/` makes them; a test compares the two."""
