"""Which database roles are ours, and so can't be a team's."""

OUR_ROLES = frozenset(
    {
        "pipeline",
        "analyst",
        "analyst_login",
        "marketing_login",
        "audience_owner",
        "audience_readers",
        "blocker_ender",
        "lake_catalog",
        "mlflow",
        "airflow",
    }
)
"""Every role that set-up makes, but for `marketing`, which is a team."""

WORDS = frozenset({"public", "none", "user", "current_user", "session_user", "current_role"})
"""Names that mean somebody else in SQL."""


def why_no_team(name: str) -> str:
    """Why a role can't own campaigns, as the rest of a sentence; empty: it can."""
    if name in OUR_ROLES:
        return "is a role of the pipeline's own: whoever is in it would read addresses, too"
    if name == "postgres" or name.startswith("pg_"):
        return "is a role of the server's own: name one for the team"
    if name in WORDS:
        return "is a word of SQL's own: name a role for the team"
    return ""
