"""Judge what was fitted: metrics, intervals, baselines, pictures, all on the same rows."""
