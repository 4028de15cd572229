"""Contracts of examples and scores: the rows that models are made from, and what they say."""

from dataclasses import replace

from include.contracts.core import USER_ID
from include.contracts.features import DECAY_DAYS, LONGEST_WINDOW_DAYS, WINDOWS_DAYS
from include.contracts.model import Column, Table
from include.contracts.visits import (
    ACTIVE_WINDOWS_DAYS,
    HALF_LIVES_DAYS,
    VISITS,
    definition,
    half_life_name,
)

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

VISITS_SINCE_FEATURE = "user_visits_since_category_visit"
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


def _visits(whose: str, where: str) -> list[Column]:
    return [
        Column(
            name=f"{whose}_{column.name}",
            type="double",
            unit=column.unit,
            nullable=True,
            description=f"Of the user's visits{where}: "
            + column.description.replace("date itself.", "date itself; null: none in a year."),
        )
        for column in VISITS
    ]


def features(event_types: tuple[str, ...], visit_types: tuple[str, ...] = ()) -> tuple[Column, ...]:
    """Model features of a user × campaign pair, in the order of the model's matrix.

    Args:
        event_types: The vocabulary.
        visit_types: Those of them that make a visit. Needed where features are compared with those
            that a model learned.

    The prefix says whose activity a feature sums up: the user's in the campaign's category
    (`positive_`, `category_`), or the user's anywhere (`user_`). Counts of what didn't happen are
    0; recencies of what never happened are null.

    Visits are days on which the user did something; the windows of the other features count mails
    that the user got, too. Of what everybody does, a model is given shares of users and no counts:
    a count grows with the market and tells which of a few training weeks a row is from.
    """
    windows = (
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
    visits = (
        *_visits("category", " with the category"),
        Column(
            name=VISITS_SINCE_FEATURE,
            type="double",
            unit="days",
            nullable=True,
            description="Visits of the user since their last one with the category; null: none "
            "with it in a year.",
        ),
        *_visits("user", ""),
        *(
            Column(
                name=f"category_share_of_{half_life_name(days)}",
                type="double",
                unit="0-1",
                nullable=True,
                description="The category's visits as a share of the user's, each weighted 0.5 ^ "
                f"(age / {days} days); null: the user has none.",
            )
            for days in HALF_LIVES_DAYS
        ),
        *(
            Column(
                name=f"category_visitors_share_{days}d",
                type="double",
                unit="0-1",
                nullable=True,
                description=f"Of all users with a visit in a year, the share with one in the "
                f"category in the last {days} days; null: there are none.",
            )
            for days in ACTIVE_WINDOWS_DAYS
        ),
        Column(
            name="category_visitors_trend",
            type="double",
            unit="0-1",
            nullable=True,
            description="Of users with a visit in the category in the last 28 days, the share with "
            "one in the last 7 days; null: there were none.",
        ),
    )
    rules = definition(visit_types) if visit_types else ""
    return (*windows, *(replace(column, rules=rules) for column in visits))


def examples(event_types: tuple[str, ...], visit_types: tuple[str, ...] = ()) -> Table:
    """`training.examples` for a vocabulary; `visit_types` as `features` has them."""
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
            *features(event_types, visit_types),
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
