"""The package behind the DAGs: contracts, configuration, lake, quality, training, warehouse."""
