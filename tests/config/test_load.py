"""Configuration: what ships loads, and what is wrong is named by file and key."""

from pathlib import Path

import pytest

from include.config import load_config
from include.errors import ConfigError
from include.settings import Settings, load_settings

CAMPAIGN = """
campaigns:
  - campaign_id: coffee
    category: COFFEE
    positive_event_types: [purchase]
    horizon_days: 7
    holdout_share: 0.1
"""


def with_campaigns(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "campaigns.yaml"
    path.write_text(text, encoding="utf-8")
    return load_settings({"PROPENSITY_CAMPAIGNS": str(path)})


def test_what_ships_is_valid_and_has_eight_campaigns() -> None:
    config = load_config(load_settings({}))
    assert len(config.active_campaigns) >= 8
    families = [experiment.family for experiment in config.experiments.experiments]
    assert families.count("xgboost") >= 2
    assert families.count("torch") >= 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (CAMPAIGN + "    horizont: 3\n", r"campaigns.yaml: key campaigns.0.horizont: unknown key"),
        (CAMPAIGN.replace("0.1", "1.5"), r"campaigns.yaml: key campaigns.0.holdout_share: "),
        (CAMPAIGN.replace("[purchase]", "[view]"), r"coffee: positive_event_types names 'view'"),
        (CAMPAIGN + CAMPAIGN.split("\n", 2)[2], r"campaign_id coffee is given twice"),
        ("campaigns: [", r"campaigns.yaml: isn't YAML"),
        (CAMPAIGN.replace("category: COFFEE", "category: 207"),
         r"category: without quotes YAML reads it as the int 207, not as a text: write it in "),
        (CAMPAIGN.replace("category: COFFEE", "category: (any)"),
         r"key campaigns.0.category: .*\(any\) stands for no category of listings"),
        (CAMPAIGN.replace("category: COFFEE", "category: no"), r"reads it as the bool False, not"),
        (CAMPAIGN.replace("campaign_id: coffee", "campaign_id: 207"),
         r"campaign_id: 207 is no name: a name has at most 40 small letters, digits and under"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        load_config(with_campaigns(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    chosen = load_settings({"PROPENSITY_CAMPAIGNS": str(tmp_path / "none.yaml")})
    with pytest.raises(ConfigError, match=r"none.yaml: can't be read: No such file"):
        load_config(chosen)


@pytest.mark.parametrize(
    "role",
    ["analyst", "pipeline", "audience_owner", "audience_readers", "lake_catalog", "postgres",
     "pg_read_all_data", "public"],
)  # fmt: skip
def test_no_campaign_belongs_to_a_role_that_is_no_team(tmp_path: Path, role: str) -> None:
    chosen = with_campaigns(tmp_path, f"{CAMPAIGN}    owner_role: {role}\n")
    with pytest.raises(ConfigError, match=rf"key campaigns\.0\.owner_role: .*{role} is a "):
        load_config(chosen)


def test_the_bounds_of_a_day_are_a_range(tmp_path: Path) -> None:
    shipped = load_settings({}).quality.read_text(encoding="utf-8")
    path = tmp_path / "quality.yaml"
    for wrong, sentence in (
        (shipped.replace("at_least: 1.0e-7", "at_least: 0.9"),
         r"key reactions: at_least \(0.9\) is not below at_most \(0.8\)"),
        (shipped.replace("at_most: 0.3,", "at_most: 30,"), r"key shares.rejected.at_most: "),
        (shipped.replace("  late:", "  lte:"), r"key shares.late: Field required"),
    ):  # fmt: skip
        path.write_text(wrong, encoding="utf-8")
        with pytest.raises(ConfigError, match=sentence):
            load_config(load_settings({"PROPENSITY_QUALITY": str(path)}))


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("  min_rows: 100", "  min_rows: 100\n  min_rows: 200", "key min_rows is given twice"),
        ("min_rows: 100", "min_rows: true", "key shares.min_rows: YAML reads it as true, which is"),
        ("at_most: 0.3,", "at_most: yes,", "key shares.rejected.at_most: YAML reads it as true"),
        ("times_usual: 50", "times_usual: .inf", "key shares.late.times_usual: "),
    ],
)
def test_a_bound_that_bounds_nothing_is_named(
    tmp_path: Path, old: str, new: str, sentence: str
) -> None:
    shipped = load_settings({}).quality.read_text(encoding="utf-8")
    assert old in shipped
    path = tmp_path / "quality.yaml"
    path.write_text(shipped.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError, match=f"quality.yaml: .*{sentence}"):
        load_config(load_settings({"PROPENSITY_QUALITY": str(path)}))


def test_of_many_wrong_keys_a_few_are_named(tmp_path: Path) -> None:
    entry = CAMPAIGN.partition("campaigns:\n")[2]
    text = "campaigns:\n" + "".join(entry.replace("coffee", f"no-name-{n}") for n in range(200))
    with pytest.raises(ConfigError, match=r"campaigns\.4\.campaign_id: .*; and 19\d more$") as said:
        load_config(with_campaigns(tmp_path, text))
    assert len(str(said.value)) < 1_500


def test_nothing_is_kept_shorter_than_what_needs_it(tmp_path: Path) -> None:
    shipped = load_settings({}).warehouse.read_text(encoding="utf-8")
    path = tmp_path / "warehouse.yaml"
    for old, new, sentence in (
        ("receipts_days: 90", "receipts_days: 6", r"receipts_days \(6\) is less than staged_days"),
        ("docs_days: 90", "docs_days: 6", r"docs_days \(6\) is less than staged_days \(7\)"),
        ("verdicts_days: 400", "verdicts_days: 89", r"verdicts_days \(89\) is less than docs_da"),
        ("known_days: 28", "known_days: 6", r"key retention.known_days: "),
        ("airflow_days: 90", "airflow_days: 13", r"key retention.airflow_days: "),
        ("docs_days: 90", "docs_weeks: 9", r"key retention.docs_weeks: unknown key"),
    ):
        assert old in shipped
        path.write_text(shipped.replace(old, new), encoding="utf-8")
        with pytest.raises(ConfigError, match=sentence):
            load_config(load_settings({"PROPENSITY_WAREHOUSE": str(path)}))


def test_somebody_must_do_something(tmp_path: Path) -> None:
    path = tmp_path / "events.yaml"
    path.write_text(
        "types: [{name: mail, is_exposure: true}]\nmax_lateness_days: 3\n"
        "duplicate_lookback_days: 3\n", encoding="utf-8"
    )  # fmt: skip
    with pytest.raises(ConfigError, match="is_exposure is true of all types"):
        load_config(load_settings({"PROPENSITY_EVENTS": str(path)}))
