"""After `make run`: what the README promises of the tables, asked in SQL as a reader would."""

import pytest

from tests.acceptance.commands import sql

pytestmark = [pytest.mark.after_run, pytest.mark.usefixtures("after_make_run")]

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


@pytest.mark.parametrize(("query", "expected"), CHECKS.values(), ids=CHECKS)
def test_the_tables_hold_what_the_readme_says(query: str, expected: str) -> None:
    assert sql(query) == expected
