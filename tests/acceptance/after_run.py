"""After `make run`: what the README promises of the tables, asked in SQL as a reader would.

bin/python tests/acceptance/after_run.py
"""

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]

CHECKS = {
    "every known user x every campaign, each pair once, all in [0, 1]": (
        "select count(*) = count(distinct (campaign_id, user_id)) and min(score) >= 0 "
        "and max(score) <= 1 and count(*) = (select count(*) from pii.contacts) "
        "* count(distinct campaign_id) and count(distinct campaign_id) = 8 "
        "from predictions.latest_campaign_propensity",
        "t",
    ),
    "landed = accepted + rejected + duplicate + erased on every day": (
        "select bool_and(landed = accepted + rejected + duplicate + erased) "
        "from analytics.ingest_accounting",
        "t",
    ),
    "358 days of events are accounted for": (
        "select count(*) from analytics.ingest_accounting where table_name = 'events' "
        "and ingest_date <= '2017-12-24'",
        "358",
    ),
    "and each of their 1,452,907 rows": (
        "select sum(landed) from analytics.ingest_accounting where table_name = 'events' "
        "and ingest_date <= '2017-12-24'",
        "1452907",
    ),
    "the contacts of those days are loaded": (
        "select count(*) from analytics.ingest_accounting where table_name = 'contacts' "
        "and ingest_date <= '2017-12-24'",
        "358",
    ),
    "the champion beats the recency baseline by 0.02 AUC, averaged too, and in log loss": (
        "select bool_and(c.roc_auc >= b.roc_auc + 0.02) and bool_and(c.log_loss < b.log_loss) "
        "from analytics.model_comparison c join analytics.model_comparison b "
        "using (as_of_date, scope) where c.is_promoted and b.experiment = 'baseline_recency' "
        "and scope in ('all', 'mean_of_campaigns')",
        "t",
    ),
    "no critical expectation failed": (
        "select count(*) from analytics.quality_results where not success "
        "and severity = 'critical'",
        "0",
    ),
}


def main() -> None:
    failed = 0
    for name, (query, expected) in CHECKS.items():
        ended = subprocess.run(
            ["make", "-s", "sql", f"Q={query}"],
            cwd=PROJECT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        seen = ended.stdout.strip()
        failed += seen != expected
        print(f"{'ok' if seen == expected else f'FAILED, got {seen}'}: {name}")
    print(f"{len(CHECKS) - failed} passed, {failed} failed")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
