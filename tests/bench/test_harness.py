"""The benches' own promises: turns, ratios, and none where the two sides made something else."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from include.contracts.core import LISTINGS
from tests.bench import place
from tests.bench import run as bench
from tests.bench.digests import digest
from tests.bench.harness import BenchError, Comparison, Digest, Outcome, Side, Stage, measure
from tests.bench.process import run
from tests.bench.report import save, table

LISTED = Digest(2, "aa")


def side(name: str, *durations_s: float, outputs: dict[str, Digest] | None = None) -> Side:
    left = iter(durations_s)
    made = {"core.listings": LISTED} if outputs is None else outputs
    return Side(name, lambda: Outcome(duration_s=next(left), outputs=made, parts_s={}))


def quiet(_: str) -> None:
    pass


def test_ratios_are_of_one_repetition_each() -> None:
    stage = Stage("s", side("ours", 6.0, 8.0, 30.0), (side("theirs", 3.0, 2.0, 10.0),))
    (found,) = measure(stage, 3, quiet)
    assert found.ratios == [2.0, 4.0, 3.0]
    assert found.summary() == {"median": 3.0, "min": 2.0, "max": 4.0}


def test_sides_take_turns() -> None:
    order: list[str] = []

    def noted(name: str) -> Side:
        def go() -> Outcome:
            order.append(name)
            return Outcome(duration_s=1.0)

        return Side(name, go)

    measure(Stage("s", noted("ours"), (noted("a"), noted("b"))), 2, quiet)
    assert order == ["ours", "a", "b", "ours", "a", "b"]


@pytest.mark.parametrize(
    ("theirs", "said"),
    [
        ({"core.listings": Digest(3, "aa")}, "core.listings: ours has 2 rows, checksum aa, theirs"),
        ({"core.listings": Digest(2, "ab")}, "theirs 2 rows, checksum ab"),
        ({"core.users": LISTED}, "core.users: ours has no such table"),
    ],
)
def test_no_ratio_where_outputs_differ(theirs: dict[str, Digest], said: str) -> None:
    other, good = side("other", 1.0, 1.0, outputs=theirs), side("good", 1.0, 1.0)
    refused, kept = measure(Stage("s", side("ours", 2.0, 2.0), (other, good)), 2, quiet)
    assert said in refused.problem
    with pytest.raises(ValueError, match="outputs differ"):
        refused.summary()
    assert "no ratio" in table([refused, kept])
    assert kept.summary()["median"] == 2.0


def failing() -> Outcome:
    raise BenchError("exit code 3")


def test_a_side_that_fails_has_no_ratio() -> None:
    theirs, good = Side("theirs", failing), side("good", 1.0)
    failed, kept = measure(Stage("s", side("ours", 2.0), (theirs, good)), 1, quiet)
    assert failed.problem == "theirs failed: exit code 3"
    assert kept.ratios == [2.0]
    (ours,) = measure(Stage("s", Side("ours", failing), (side("good", 1.0),)), 1, quiet)
    assert ours.problem == "ours failed: exit code 3"


def test_parts_are_beside_their_stage() -> None:
    def ours() -> Outcome:
        return Outcome(duration_s=10.0, parts_s={"audit": 2.5})

    (_, part) = measure(Stage("s", Side("ours", ours), (side("x", 1.0, outputs={}),)), 1, quiet)
    assert (part.stage, part.yardstick, part.ratios) == ("audit_s", "stage", [0.25])


def listings(path: Path, *rows: tuple[int, str | None, float]) -> str:
    ids, categories, prices = zip(*rows, strict=True)
    schema = LISTINGS.arrow_schema()
    given = {"listing_id": ids, "category": categories, "price": prices}
    columns = [pa.array(given.get(f.name, [None] * len(rows)), f.type) for f in schema]
    pq.write_table(pa.table(columns, schema=schema), path)
    return f"file://{path}"


def test_digests_see_rows_and_neither_their_order_nor_their_files(tmp_path: Path) -> None:
    rows: tuple[tuple[int, str | None, float], ...] = ((1, "a", 0.5), (2, None, 1.5), (3, "b", 2.5))
    whole = digest([listings(tmp_path / "all.parquet", *rows)], LISTINGS)
    first = listings(tmp_path / "first.parquet", rows[2], rows[0])
    second = listings(tmp_path / "second.parquet", rows[1])
    assert digest([first, second], LISTINGS) == whole
    assert whole.row_count == 3
    changed = listings(tmp_path / "changed.parquet", *rows[:2], (3, "b", 2.25))
    assert digest([changed], LISTINGS) != whole
    assert digest([changed], LISTINGS, ["price"]) == digest([first, second], LISTINGS, ["price"])
    twice = listings(tmp_path / "twice.parquet", rows[0], rows[0], rows[1])
    assert digest([twice], LISTINGS) != whole


def test_the_report_replaces_what_was_run_and_keeps_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    one, two = Outcome(duration_s=3.0, peak_rss_bytes=2**31), Outcome(duration_s=2.0)
    save([Comparison("a", "x", [one], [two]), Comparison("b", "x", [two], [one])], path)
    save([Comparison("b", "x", problem="outputs differ"), Comparison("c", "y", [one], [one])], path)
    assert json.loads(path.read_text()) == {
        "a": {"x": {"median": 1.5, "min": 1.5, "max": 1.5}},
        "c": {"y": {"median": 1.0, "min": 1.0, "max": 1.0}},
    }
    _, line = table([Comparison("a", "x", [one], [two])]).splitlines()
    assert line.split() == ["a", "x", "1.50", "1.50", "1.50", "3.00", "2.00", "2.0", "-", "1"]


def test_a_commands_memory_is_that_of_its_whole_tree(tmp_path: Path) -> None:
    child = "import time; held = b'x' * 200_000_000; time.sleep(1.5)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    ran = run([sys.executable, "-c", parent], {}, tmp_path, tmp_path / "log")
    assert ran.peak_rss_bytes > 200_000_000
    assert ran.duration_s > 1
    with pytest.raises(BenchError, match="exit code 1, its whole log is .*(?s:.)*no such luck"):
        run([sys.executable, "-c", "exit('no such luck')"], {}, tmp_path, tmp_path / "log")


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> Callable[[Comparison], None]:
    """Runs the command with what was measured given."""

    def go(found: Comparison) -> None:
        def measured(*_: object) -> Iterator[list[Comparison]]:
            yield [found]

        monkeypatch.setattr(bench, "measured", measured)
        monkeypatch.setattr(bench, "save", quiet)
        monkeypatch.setattr(place, "use_own_settings", lambda: None)
        monkeypatch.setattr(place, "stop", lambda: None)
        monkeypatch.setattr(sys, "argv", ["run", "--stages", "events activity_20m dags"])
        bench.main()

    return go


def test_the_command_fails_where_a_ratio_is_refused(ended: Callable[[Comparison], None]) -> None:
    ended(Comparison("a", "x", [Outcome(duration_s=1.0)], [Outcome(duration_s=1.0)]))
    with pytest.raises(SystemExit, match="no ratio of a beside x"):
        ended(Comparison("a", "x", problem="outputs differ: core.events"))


def test_stages_without_a_size_are_of_two_million_events() -> None:
    assert bench.names("events activity_20m dags") == ["events_2m", "activity_20m", "dags"]
    assert {*bench.USUAL, *bench.LARGE} <= {*bench.known()}
