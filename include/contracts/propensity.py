"""Contracts of examples and scores: the rows that models are made from, and what they say."""

from include.contracts.core import USER_ID
from include.contracts.features import DECAY_DAYS, LONGEST_WINDOW_DAYS, WINDOWS_DAYS
from include.contracts.model import Column, Table

CAMPAIGN_ID = Column(
    name="campaign_id",
    type="string",
    description="The campaign.",
    source="campaigns.yaml",
)
CATEGORY = Column(
    name="category",
    type="string",
    description="The campaign's category of listings on that day: what a campaign that no model "
    "has seen has in common with one that it has.",
    source="campaigns.yaml",
)
RECENCY_FEATURE = f"positive_decayed_{DECAY_DAYS}d"
"""What the recency baseline goes by."""

ARMS = ("treatment", "control")


def _windows(name: str, unit: str, description: str) -> list[Column]:
    return [
        Column(
            name=f"{name}_{days}d",
            type="double",
            unit=unit,
            nullable=True,
            description=f"{description} in the last {days} days.",
        )
        for days in WINDOWS_DAYS
    ]


def features(event_types: tuple[str, ...]) -> tuple[Column, ...]:
    """Model features of a user × campaign pair, in the order of the model's matrix.

    The prefix says whose activity a feature sums up: the user's in the campaign's category
    (`positive_`, `category_`), or the user's anywhere (`user_`). Counts of what didn't happen are
    0; recencies of what never happened are null.

    What everybody does (`features.category`) is left out: it is the same number for all users on
    a day, so it tells a model which of a few training weeks a row is from, and nothing about users.
    """
    return (
        *_windows("positive_count", "events", "The user's positive events in the category"),
        Column(
            name=RECENCY_FEATURE,
            type="double",
            unit="events",
            nullable=True,
            description="The user's positive events in the category, each weighted "
            f"exp(-age / {DECAY_DAYS} days).",
        ),
        *_windows("category_value_sum", "the source's", "Value of the user's events in it"),
        *_windows("category_active_days", "days", "Days with the user's events in it"),
        Column(
            name="category_days_since_last",
            type="double",
            unit="days",
            nullable=True,
            description="Days since the user's last event in the category; null: not in 84 days.",
        ),
        *(
            column
            for kind in event_types
            for column in _windows(f"user_{kind}_count", "events", f"The user's `{kind}` events")
        ),
        *_windows("user_value_sum", "the source's", "Value of all events of the user"),
        *_windows("user_active_days", "days", "Days with events of the user"),
        Column(
            name="user_days_since_last",
            type="double",
            unit="days",
            nullable=True,
            description="Days since the user's last event; null: not in 84 days.",
        ),
        Column(
            name="user_categories_84d",
            type="double",
            unit="categories",
            nullable=True,
            description="Categories in which the user was active.",
        ),
        Column(
            name=f"user_days_since_registration_max_{LONGEST_WINDOW_DAYS}",
            type="double",
            unit="days",
            nullable=True,
            description="Days since the user registered, but no more than the longest window.",
        ),
    )


def examples(event_types: tuple[str, ...]) -> Table:
    """`training.examples` for a vocabulary."""
    return Table(
        name="training.examples",
        grain="user × campaign × snapshot date",
        partition="snapshot_date",
        key=("user_id", "campaign_id"),
        is_shuffled=True,
        columns=(
            USER_ID,
            CAMPAIGN_ID,
            CATEGORY,
            *features(event_types),
            Column(
                name="label",
                type="int",
                minimum=0,
                maximum=1,
                description="1 if the user reacted within the campaign's horizon after the "
                "snapshot, of what had arrived by its end.",
            ),
            Column(
                name="weight",
                type="double",
                minimum=1,
                description="How many rows this one stands for: negatives may be sampled.",
            ),
            Column(
                name="snapshot_date",
                type="date",
                description="Features are as of the end of this day.",
            ),
        ),
    )


SCORES = Table(
    name="scores.campaign_propensity",
    grain="user × campaign",
    partition="score_date",
    key=("user_id", "campaign_id"),
    columns=(
        CAMPAIGN_ID,
        USER_ID,
        Column(
            name="score",
            type="double",
            minimum=0,
            maximum=1,
            unit="0-1",
            description="Probability that the user reacts within the campaign's horizon.",
        ),
        Column(
            name="rank",
            type="int",
            minimum=1,
            description="Place of the user within the campaign, best first; ties by user_id.",
        ),
        Column(
            name="decile",
            type="int",
            minimum=1,
            maximum=10,
            description="Tenth of the ranking, 1 the best.",
        ),
        Column(
            name="arm",
            type="string",
            values=ARMS,
            description="`treatment` or `control`: control users are not to be mailed, they "
            "measure the effect.",
        ),
        Column(
            name="model_version",
            type="string",
            description="Version of the model in the registry that gave the score.",
            source="MLflow",
        ),
        Column(
            name="score_date",
            type="date",
            description="Scored as of the end of this day.",
        ),
    ),
)
