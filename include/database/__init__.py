"""The warehouse as a database: where it is, its tables, roles, views and migrations."""
