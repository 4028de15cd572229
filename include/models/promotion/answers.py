"""What a person who is asked about a promotion can answer. Light: the DAG itself names them."""

PROMOTE, KEEP = "Promote", "Keep the champion"
