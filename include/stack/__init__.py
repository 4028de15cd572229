"""The stack of docker-compose.yml: what its one-shot service does, and the main job in it."""
