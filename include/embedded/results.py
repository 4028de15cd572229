"""What the main job brings about: what is there already, and a look at it."""

from datetime import date

from sqlalchemy import select, text

from include.contracts.lineage import FEATURES
from include.database.engine import engine
from include.database.tables.models import ModelDecision
from include.database.tables.predictions import Publication
from include.days import Days
from include.lake.ledger import committed_days
from include.models.promotion.champions import champion_history, champion_on
from include.settings import Settings


def has_history(chosen: Settings, days: Days) -> bool:
    """Whether the lake holds every day's events, and all features of the last day."""
    with engine(chosen).connect() as connection:
        events = committed_days(connection, "features.user_category_daily", days)
        last = Days(days.last, days.last)
        features = [committed_days(connection, name, last) for name in FEATURES]
    return len(events) == len(days) and all(features)


def has_champion(chosen: Settings, day: date) -> bool:
    """Whether a model can score the day."""
    return champion_on(champion_history(engine(chosen)), day) is not None


def has_scores(chosen: Settings, day: date) -> bool:
    """Whether the day is published."""
    query = select(Publication.publication_id).where(
        Publication.score_date == day, Publication.status == "published"
    )
    with engine(chosen).connect() as connection:
        return connection.execute(query).first() is not None


def model_card(chosen: Settings) -> str:
    """Where the page about the newest champion lies."""
    query = select(ModelDecision.model_card).where(ModelDecision.outcome == "promoted")
    with engine(chosen).connect() as connection:
        return str(connection.scalar(query.order_by(ModelDecision.as_of_date.desc()).limit(1)))


def show(chosen: Settings) -> None:
    """A sample of the prediction table, and the champion beside the baselines."""
    with engine(chosen).connect() as connection:
        sample = connection.execute(
            text(
                "select score_date, campaign_id, user_id, round(score::numeric, 4) as score, rank, "
                "decile, arm, model_version from predictions.latest_campaign_propensity "
                "where rank <= 1 order by score desc"
            )
        )
        print("\npredictions.latest_campaign_propensity, the best of each campaign:")
        _table(list(sample.keys()), [tuple(row) for row in sample])
        comparison = connection.execute(
            text(
                """
                select m.experiment || case when m.is_promoted then ' (champion)' else '' end
                    as model, round(m.roc_auc::numeric, 4) as roc_auc,
                  round(c.roc_auc::numeric, 4) as mean_of_campaigns,
                  round(m.average_precision::numeric, 4) as average_precision,
                  round(m.log_loss::numeric, 4) as log_loss,
                  round(m.calibration_error::numeric, 4) as calibration_error,
                  round(m.lift_top_decile::numeric, 2) as lift
                from analytics.model_comparison m
                join analytics.model_comparison c using (as_of_date, experiment)
                where m.scope = 'all' and c.scope = 'mean_of_campaigns'
                  and m.as_of_date = (select max(as_of_date) from analytics.model_comparison)
                order by m.log_loss
                """
            )
        )
        snapshot = connection.scalar(
            text("select max(snapshot_date) from analytics.model_comparison")
        )
        print(f"\nOut of time, on the snapshot of {snapshot} (analytics.model_comparison):")
        _table(list(comparison.keys()), [tuple(row) for row in comparison])


def _table(names: list[str], rows: list[tuple[object, ...]]) -> None:
    texts = [names, *[[str(value) for value in row] for row in rows]]
    widths = [max(len(line[place]) for line in texts) for place in range(len(names))]
    for line in texts:
        print(
            "  " + "  ".join(value.ljust(width) for value, width in zip(line, widths, strict=True))
        )
