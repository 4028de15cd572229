"""Configuration files, validated on load: unknown keys are errors that name file and key."""

from include.config.load import (
    Campaign,
    Events,
    EventType,
    Experiment,
    Experiments,
    PipelineConfig,
    Promotion,
    Retention,
    Warehouse,
    load_config,
    load_kubernetes,
)

__all__ = [
    "Campaign",
    "EventType",
    "Events",
    "Experiment",
    "Experiments",
    "PipelineConfig",
    "Promotion",
    "Retention",
    "Warehouse",
    "load_config",
    "load_kubernetes",
]
