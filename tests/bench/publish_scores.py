"""Publish the benches' day of scores once more: `bin/python -m tests.bench.publish_scores RUN`.

As `score_daily` does it, except that the same rows again are published again.
"""

import sys
import time
from unittest.mock import patch

from include.database.engine import engine
from include.predictions import publish
from include.predictions.publish_day import publish_day
from include.settings import settings
from tests.bench.market import DAY

if __name__ == "__main__":
    engine(settings()).connect().close()
    started = time.monotonic()
    with patch.object(publish, "_unchanged", lambda *_: None):
        publish_day(f"{DAY}", sys.argv[1], "champion")
    print(f"[timed] {time.monotonic() - started:.3f} s", flush=True)
