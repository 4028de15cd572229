"""Each command of docs/runbook.md, typed as printed, and whether it did what its section says.

    make run; make test-acceptance SUITES=runbook

In the order of the page, but that each story is told to its end: scores of a bad model are taken
back, the model is rolled back, the day is scored again. What can't be taken back comes last. Goes
on from `make run`; afterwards a user is erased, and all else as it was.
"""

import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest

from include.database.address import database_url
from include.settings import settings
from tests.acceptance.airflow_runs import airflow, follow, trigger
from tests.acceptance.commands import PROJECT, sql
from tests.acceptance.runbook import amiss, typed, types
from tests.acceptance.runbook_states import another_checkout, corrected, newer_champion, planted

pytestmark = [pytest.mark.runbook, pytest.mark.usefixtures("scheduler")]

DAY, NEXT_DAY = "2017-12-24", "2017-12-25"
USER = 895
PUBLISHED = (
    "select publication_id, model_version from predictions.publications where status = 'published'"
)
OF_DAY = f"{PUBLISHED} and score_date = '{DAY}'"
NEWEST = (
    "select publication_id from predictions.publications where status = 'published' "
    "order by score_date desc limit 1"
)
SEEN = (
    "select distinct publication_id, model_version from predictions.campaign_propensity "
    f"where score_date = '{DAY}'"
)
# Examples are made again by the next training, as the runbook says.
STALE = "select count(*) from analytics.stale_partitions where table_name <> 'training.examples'"


def test_every_command_of_the_runbook_is_run_by_a_test() -> None:
    assert amiss() == []


@types('make sql Q="select * from predictions.freshness"')
def test_freshness_is_one_row_about_the_newest_day(command: str) -> None:
    (row,) = typed(command).splitlines()
    _, publication_id, *_, is_newest_expected, reason = row.split("|", 6)
    assert publication_id == sql(NEWEST)
    # Nothing landed last night.
    assert is_newest_expected == "f"
    assert "lake_daily" in reason


# Scores of a bad model, up to when they are those of the one before again.


@types(
    'bin/airflow dags trigger score_daily -c \'{"day": "2017-12-24", "model_policy": "champion"}\''
)
def test_a_day_is_scored_by_whoever_is_champion_now(command: str, bad_model: str) -> None:
    assert sql(OF_DAY).split("|")[1] != bad_model
    follow("score_daily", lambda: typed(command), command)
    assert sql(OF_DAY) == sql(SEEN, "analyst")
    assert sql(OF_DAY).split("|")[1] == bad_model


@types("select * from predictions.publications where score_date = '2017-12-24'")
def test_the_versions_of_a_day_are_listed(command: str, bad_model: str) -> None:
    versions = [row.split("|") for row in typed(command).splitlines()]
    assert [row[3] for row in versions if row[2] == "published"] == [bad_model]
    assert bad_model not in [row[3] for row in versions if row[2] == "superseded"] != []


@types("bin/airflow dags trigger revert_publication …")
def test_the_version_before_is_brought_back(command: str, bad_model: str) -> None:
    follow("revert_publication", lambda: typed(command), command)
    assert sql(OF_DAY) == sql(SEEN, "analyst")
    assert sql(OF_DAY).split("|")[1] != bad_model
    reverted = "select reason, reverted_by <> '', is_holding from predictions.reverts"
    assert sql(f"{reverted} order by revert_id desc limit 1") == "prices were in cents|t|t"
    assert sql("select publication_id from predictions.freshness", "analyst") == sql(NEWEST)


@types("bin/airflow dags trigger rollback_model …")
def test_the_champion_before_is_back(command: str, bad_model: str) -> None:
    follow("rollback_model", lambda: typed(command), command)
    champion = "select model_version, from_date, reason from analytics.champions "
    good = sql(OF_DAY).split("|")[1]
    assert good != bad_model
    assert sql(f"{champion} order by champion_id desc limit 1") == (
        f"{good}|{DAY}|scores of coffee are all alike"
    )


@types('make sql Q="select * from analytics.champions order by champion_id"')
def test_who_was_champion_and_why(command: str, bad_model: str) -> None:
    *_, bad, back = [row.split("|") for row in typed(command).splitlines()]
    assert (bad[2], back[2]) == (bad_model, sql(OF_DAY).split("|")[1])
    assert back[4] == "scores of coffee are all alike"


@types('make sql Q="select as_of_date, model_version, outcome, …')
def test_each_decision_has_a_page(command: str) -> None:
    rows = [row.split("|") for row in typed(command).splitlines()]
    assert rows[0][2] == "promoted"
    assert all(Path(row[-1].removeprefix("file://")).is_file() for row in rows)


@types(
    'bin/airflow dags trigger score_daily -c \'{"day": "2017-12-24", "replace_reverted": true}\''
)
def test_the_day_is_scored_again_and_held_no_longer(command: str, bad_model: str) -> None:
    follow("score_daily", lambda: typed(command), command)
    assert sql(OF_DAY) == sql(SEEN, "analyst")
    assert sql(OF_DAY).split("|")[1] != bad_model
    assert sql("select count(*) from predictions.reverts where is_holding") == "0"


@pytest.fixture(scope="module")
def bad_model(after_make_run: None) -> Iterator[str]:
    with newer_champion(DAY) as version:
        yield version


@types('make explain SCORE="2017-12-24 coffee 1467"')
def test_a_score_is_computed_again(command: str) -> None:
    said = " ".join(typed(command).split())
    published, model = sql(OF_DAY).split("|")
    assert f"publication {published}, published: " in said
    assert f"Model version {model} file " in said
    assert " EQUAL. Published 0." in said


# Questions about the warehouse.


@types('make sql ROLE=admin Q="select pid, usename, …')
def test_who_holds_the_prediction_table(command: str) -> None:
    with psycopg.connect(database_url(settings(), "warehouse", role="analyst")) as reader:
        query = "select count(*) from predictions.latest_campaign_propensity"
        reader.execute(query)
        rows = [row.split("|") for row in typed(command).splitlines()]
        (mine,) = [row for row in rows if row[0] == str(reader.info.backend_pid)]
    assert (*mine[1:3], mine[4]) == ("analyst_login", "idle in transaction", query)


@types('make sql Q="select a.accessed_at, …')
def test_who_read_addresses(command: str) -> None:
    newest = date.fromisoformat(sql("select newest_date from predictions.freshness"))
    mailed = newest + timedelta(days=1)
    number = sql(f"select marketing.reserve_audience('coffee', '{mailed}', 5)", "marketing")
    *_, reservation, campaign, asked = typed(command).splitlines()[0].split("|")
    assert sql(f"select marketing.give_back({number})", "marketing") == "5"
    assert (reservation, campaign, asked) == (number, "coffee", "5")


@types('make sql Q="select table_name, column_name, expectation, …')
def test_what_failed_in_a_gate(command: str) -> None:
    failed = {
        "attempt": "a test", "table_name": "core.events", "expectation": "is_valid",
        "column_name": "value", "first_day": DAY, "last_day": DAY, "severity": "critical",
        "success": False, "reason": "as it should", "observed": "3 rows", "checked_at": "now",
    }  # fmt: skip
    assert typed(command) == ""
    with planted("analytics.quality_results", failed):
        assert typed(command) == "core.events|value|is_valid|3 rows|as it should"


@types('make sql Q="select ingest_date, landed, rejected, …')
def test_what_shares_of_rows_are_usual(command: str) -> None:
    rows = [row.split("|") for row in typed(command).splitlines()]
    assert (len(rows), {len(row) for row in rows}) == (28, {7})
    assert [row[0] for row in rows] == sorted((row[0] for row in rows), reverse=True)
    assert sum(int(row[1]) for row in rows) > 50_000


@types("make sql Q=\"select * from analytics.ingest_accounting where ingest_date = '2017-12-24'\"")
def test_where_the_rows_of_a_day_went(command: str) -> None:
    rows = [row.split("|") for row in typed(command).splitlines()]
    assert sorted(row[0] for row in rows) == ["contacts", "events", "listings", "users"]
    assert all(int(row[2]) == sum(map(int, row[3:7])) for row in rows)


@types('make sql Q="select ingest_date, source_file, unnest(reasons), …')
def test_which_contacts_were_refused(command: str) -> None:
    before = typed(command)
    row = {
        "ingest_date": "2018-01-02", "source_file": "users.csv", "row_number": 1,
        "user_id": None, "reasons": ["no user", "no consent"], "withdraws_consent": False,
    }  # fmt: skip
    with planted("pii.rejected_contacts", row):
        assert sorted(typed(command).removesuffix(before).split()) == sorted(
            ["2018-01-02|users.csv|no", "user|1", "2018-01-02|users.csv|no", "consent|1"]
        )


# Days by hand, and days built again.


@types("bin/airflow dags trigger lake_daily …")
def test_a_day_is_built_by_hand_beside_a_night_that_waits(command: str) -> None:
    nights = "select state from dag_run where dag_id = 'lake_daily' and run_type = 'scheduled'"
    assert airflow(nights) == [("running",)]
    follow("lake_daily", lambda: typed(command), command)
    committed = sql(
        "select table_name from analytics.lake_partitions where state = 'committed' "
        f"and partition_date = '{NEXT_DAY}' and table_name ~ '^(core.events|features)' order by 1"
    )
    assert committed.split() == [
        "core.events", "features.campaign_category", "features.category", "features.user",
        "features.user_category", "features.user_category_daily", "features.user_category_visits",
        "features.user_visits",
    ]  # fmt: skip


@types("bin/airflow backfill create --dag-id lake_daily …")
def test_what_is_not_there_of_a_backfill_is_built(command: str) -> None:
    follow("lake_daily", lambda: typed(command), command, 2)
    built = "select count(distinct partition_date) from analytics.lake_partitions where "
    assert sql(f"{built} table_name = 'features.user' and partition_date > '{DAY}'") == "2"


@pytest.fixture(scope="module")
def newest() -> Iterator[str]:
    """The newest published day, which its source sends again."""
    day = sql("select newest_date from predictions.freshness")
    with corrected(day):
        yield day


@types("bin/airflow dags trigger refresh")
def test_a_refresh_lists_what_is_stale_and_builds_nothing(command: str, newest: str) -> None:
    # A day that came by `lake_history` has no run whose `build` could be cleared.
    trigger("lake_daily", day=newest)
    before = sql(STALE)
    assert before != "0"
    (run_id,) = follow("refresh", lambda: typed(command), command)
    assert sql(STALE) == before
    folder = settings().home / "airflow" / "logs" / "dag_id=refresh" / f"run_id={run_id}"
    (log,) = (folder / "task_id=list_stale").glob("*.log")
    said = log.read_text(encoding="utf-8")
    assert "[refresh] to be built again:" in said
    assert said.count("changed") >= int(before)
    assert f"{newest}  scores.campaign_propensity: " in said


@types('make sql Q="select * from analytics.stale_partitions …')
def test_what_is_stale(command: str, newest: str) -> None:
    rows = [row.split("|") for row in typed(command).splitlines()]
    assert ["scores.campaign_propensity", newest] in [row[:2] for row in rows]
    days = [row[1] for row in rows]
    assert days == sorted(days)
    assert all(len(row) == 4 for row in rows)


@types('bin/airflow dags trigger refresh -c \'{"dry_run": false, "predictions": true}\'')
def test_a_refresh_builds_it_and_publishes_again(command: str, newest: str) -> None:
    shown = f"{PUBLISHED} and score_date = '{newest}'"
    before = sql(shown)
    follow("refresh", lambda: typed(command), command)
    assert sql(STALE) == "0"
    assert sql(shown) != before


@types("bin/airflow backfill create --dag-id score_daily …")
def test_several_days_are_scored_again(command: str) -> None:
    runs = follow("score_daily", lambda: typed(command), command, 2)
    assert len(runs) == 2
    published = f"{PUBLISHED} and score_date in ('{DAY}', '{NEXT_DAY}')"
    good = sql(OF_DAY).split("|")[1]
    assert [row.split("|")[1] for row in sql(published).splitlines()] == [good, good]
    told = airflow("select distinct conf::text from dag_run where dag_id = 'score_daily' "
                   "and run_id = any (%s)", runs)  # fmt: skip
    assert [json.loads(conf) for (conf,) in told] == [{"model_policy": "champion"}]


@types("bin/airflow dags trigger erase_user …")
def test_a_user_is_erased(command: str) -> None:
    left = (
        f"select (select count(*) from pii.contacts where user_id = {USER}), (select count(*) "
        f"from predictions.campaign_propensity where user_id = {USER})"
    )
    assert "|0" not in sql(left)
    assert not sql(left).startswith("0")
    follow("erase_user", lambda: typed(command), command)
    assert sql(left) == "0|0"


@types('make sql Q="select * from pii.erasures where user_id = 895"')
def test_the_report_for_the_privacy_desk(command: str) -> None:
    user, requested_by, _, finished_at, report = typed(command).split("|", 4)
    assert (user, requested_by) == (f"{USER}", "privacy desk, #123")
    assert finished_at
    found = json.loads(report)
    assert found["pii.contacts"] == 1
    assert found["lake"]["core.events"]["rows"] > 0
    # What attempts of the last hour staged is theirs, and goes later.
    harmless = re.compile(r"landing zone .*|lake .* \(in no current snapshot\)")
    assert [place for place in found["left"] if not harmless.fullmatch(place)] == []


@types("bin/airflow db clean …")
def test_airflow_forgets_what_is_old_and_nothing_else(command: str) -> None:
    runs = (
        "select count(*), min(run_after) from dag_run where run_after > now() - interval '9 days'"
    )
    young = airflow(runs)
    typed(command)
    assert airflow(runs) == young
    assert airflow("select count(*) from dag where not is_stale") != [(0,)]


# Training in pods: what needs no cluster.


@types("cp include/config/kubernetes.yaml mine.yaml")
def test_the_settings_of_pods_are_copied(command: str, mine: Path) -> None:
    typed(command)
    assert mine.read_bytes() == (PROJECT / "include/config/kubernetes.yaml").read_bytes()


@types("export PROPENSITY_TRAINING=kubernetes …")
def test_and_are_those_that_pods_are_started_with(command: str, mine: Path) -> None:
    mine.write_text(mine.read_text(encoding="utf-8").replace("namespace: ", "namespace: my-"))
    told = typed(
        command,
        "bin/python -c 'from include.config import load_kubernetes; from include.settings import "
        "settings; print(settings().training, load_kubernetes(settings()).namespace)'",
    )
    kind, namespace = told.split()
    assert kind == "kubernetes"
    assert namespace.startswith("my-")


@pytest.fixture(scope="module")
def mine() -> Iterator[Path]:
    path = PROJECT / "mine.yaml"
    if path.exists():
        pytest.fail(f"the runbook's example would write {path}: move it away first", pytrace=False)
    yield path
    path.unlink(missing_ok=True)


@types("make clean")
def test_everything_is_gone(command: str) -> None:
    """In another checkout: whoever runs this keeps theirs."""
    with another_checkout() as (folder, ours):
        assert (folder / ".local" / "postgres" / "postmaster.pid").exists()
        typed(f"cd {folder}\n{command}", environment=ours)
        assert not (folder / ".local").exists()
        assert (folder / ".venv" / "bin" / "python").exists()
