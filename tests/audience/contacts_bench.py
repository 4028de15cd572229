"""How long a day of a million contacts takes, and how much memory.

bin/python tests/audience/contacts_bench.py [USERS]
"""

import resource
import sys
import time
from datetime import date

from include.audience.contacts import load_day
from include.database.engine import engine
from include.days import Days
from include.landing.sources import synthetic
from include.landing.sources.synthetic import Traffic
from include.landing.zone import Landing
from tests.predictions.own_warehouse import own_warehouse

DAY = date(2026, 3, 1)


def main() -> None:
    """Land, load, load again."""
    users = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with own_warehouse() as place:
        landing = Landing(place.landing_uri)
        synthetic.BATCH_ROWS = 50_000  # so that landing it doesn't set the peak
        synthetic.land(landing, Traffic(users=users, events_per_day=1), Days(DAY, DAY))
        for what in ("loaded", "loaded again"):
            before, started = _peak_mb(), time.monotonic()
            with engine(place).begin() as connection:
                counts = load_day(connection, landing, DAY)
            took = time.monotonic() - started
            print(f"{what}: {counts}, {took:.1f} s, peak {_peak_mb():.0f} MB (before {before:.0f})")


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
