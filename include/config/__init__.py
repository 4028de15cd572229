"""Configuration files, validated on load: unknown keys are errors that name file and key."""

from include.config.experiments import Experiment, Experiments, Promotion, Reading
from include.config.load import (
    Campaign,
    Events,
    EventType,
    PipelineConfig,
    Retention,
    Warehouse,
    load_config,
    load_kubernetes,
)
from include.config.quality import Quality

__all__ = [
    "Campaign",
    "EventType",
    "Events",
    "Experiment",
    "Experiments",
    "PipelineConfig",
    "Promotion",
    "Quality",
    "Reading",
    "Retention",
    "Warehouse",
    "load_config",
    "load_kubernetes",
]
