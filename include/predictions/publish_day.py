"""Publish a day of scores as `score_daily` committed them to the lake."""

from datetime import date

from sqlalchemy import Connection

from include.config import load_config
from include.contracts import lake_tables
from include.database.address import database_url
from include.database.engine import engine
from include.days import Days
from include.errors import PublishRefusedError
from include.lake.ledger import committed_by
from include.lake.receipts import read_receipt, receipt_uri
from include.lake.tables import Lake
from include.predictions.campaigns import copy_config
from include.predictions.loading import SCORE_COLUMNS
from include.predictions.publish import Scores, publish
from include.settings import settings


def publish_day(day: str, run: str, policy: str, replace_reverted: bool = False) -> None:
    """Publish a day of scores from the lake to the prediction table.

    Raises:
        PublishRefusedError: A check failed, a person reverted the day, or the lake holds the
            scores of another attempt by now.
    """
    receipt = read_receipt(receipt_uri(settings(), run, "scores"))
    config = load_config(settings())
    contract = lake_tables(config.events.names)["scores.campaign_propensity"]
    lake = Lake(settings())
    when = date.fromisoformat(day)
    with engine(settings()).begin() as connection:
        copy_config(connection, config, settings().time_zone)
        snapshot = _own_snapshot(connection, contract.name, when, receipt.attempt)

    def refuse_stale(connection: Connection) -> None:
        # Again under the lock: another run may commit and publish while this one waits for it.
        _own_snapshot(connection, contract.name, when, receipt.attempt)

    scores = Scores(
        score_date=when,
        batches=lambda: lake.batches(contract, Days(when, when), snapshot, SCORE_COLUMNS),
        users=int(receipt.properties["users"]),
        holdout_shares={c.campaign_id: c.holdout_share for c in config.active_campaigns},
        model_version=receipt.properties["model_version"],
        model_policy=policy,
        lake_snapshots={"scores.campaign_propensity": snapshot, **receipt.inputs},
        run_id=run,
        attempt=receipt.attempt,
        code_version=receipt.code_version,
        scores_begun_at=receipt.began_at,
        replaces_revert=replace_reverted,
        refuse_stale=refuse_stale,
    )
    published = publish(engine(settings()), database_url(settings(), "warehouse"), scores)
    print(
        f"[publish] {day}: {published.row_count:,} rows, checksum {published.checksum}, "
        + ("publication " if published.is_new else "unchanged, still publication ")
        + f"{published.publication_id}",
        flush=True,
    )


def _own_snapshot(connection: Connection, table: str, day: date, attempt: str) -> int | None:
    """The snapshot that holds what this run's `scores.publish` committed.

    Not whatever is current: another run may have committed the day since.
    """
    found = committed_by(connection, table, day)
    if found is None or found.attempt != attempt or found.state != "committed":
        raise PublishRefusedError(
            f"scores of {day} were not published: this run made attempt {attempt}, the lake holds "
            f"{f'attempt {found.attempt}' if found else 'nothing'} of the day. What was visible "
            "before still is. Clear `scores.build` of score_daily for this day"
        )
    return found.snapshot_id
