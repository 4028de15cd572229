"""Publish a day of scores as `score_daily` committed them to the lake."""

from datetime import date

from include.config import load_config
from include.contracts import lake_tables
from include.database.address import database_url
from include.database.engine import engine
from include.days import Days
from include.lake.receipts import read_receipt, receipt_uri
from include.lake.tables import Lake
from include.predictions.campaigns import copy_config
from include.predictions.loading import SCORE_COLUMNS
from include.predictions.publish import Scores, publish
from include.settings import settings


def publish_day(day: str, run: str, policy: str, replace_reverted: bool = False) -> None:
    """Publish a day of scores from the lake to the prediction table.

    Raises:
        PublishRefusedError: A check failed, or a person reverted the day.
    """
    receipt = read_receipt(receipt_uri(settings(), run, "scores"))
    config = load_config(settings())
    contract = lake_tables(config.events.names)["scores.campaign_propensity"]
    lake = Lake(settings())
    when = date.fromisoformat(day)
    snapshot = lake.snapshot_id(contract)
    with engine(settings()).begin() as connection:
        copy_config(connection, config)
    scores = Scores(
        score_date=when,
        batches=lambda: lake.batches(contract, Days(when, when), snapshot, SCORE_COLUMNS),
        users=int(receipt.properties["users"]),
        holdout_shares={c.campaign_id: c.holdout_share for c in config.active_campaigns},
        model_version=receipt.properties["model_version"],
        model_policy=policy,
        lake_snapshots={"scores.campaign_propensity": snapshot, **receipt.inputs},
        run_id=run,
        replaces_revert=replace_reverted,
    )
    published = publish(engine(settings()), database_url(settings(), "warehouse"), scores)
    print(
        f"[publish] {day}: {published.row_count:,} rows, checksum {published.checksum}, "
        + ("publication " if published.is_new else "unchanged, still publication ")
        + f"{published.publication_id}",
        flush=True,
    )
