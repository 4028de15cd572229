"""A publication is a table of its own, `predictions.publication_<id>`.

At most one a day is a partition of `predictions.campaign_propensity`; the others of the day stay
beside it until retention drops them, so that each can come back.
"""


def table_name(publication_id: int) -> str:
    """The publication's table."""
    return f"predictions.publication_{int(publication_id)}"
