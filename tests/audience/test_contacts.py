"""Contact data: every landed row is kept, refused or a repetition; a withdrawal wins."""

import gzip
import itertools
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.audience.contacts import Counts, load_contacts, load_day
from include.audience.warehouse_erasure import begin
from include.database.engine import engine
from include.errors import ConfigError, LandingError
from include.landing.zone import Landing
from include.settings import Settings
from include.settings import settings as chosen_settings
from tests.predictions.score_rows import query

FIRST, SECOND, THIRD = (date(2026, 3, number) for number in (1, 2, 3))
HEADER = "user_id,email,marketing_consent,updated_at\n"


def land(place: Settings, day: date, name: str, content: str | bytes) -> Path:
    folder = Path(place.landing_uri) / "users" / f"date={day}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "_SUCCESS").touch()
    data = content.encode() if isinstance(content, str) else content
    path = folder / name
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


def land_parquet(place: Settings, day: date, name: str, columns: dict[str, Any]) -> None:
    pq.write_table(pa.table(columns), land(place, day, name, b""))


def remove_landed(place: Settings, *days: date) -> None:
    for day in days:
        for path in (Path(place.landing_uri) / "users" / f"date={day}").glob("*"):
            path.unlink()


def load(place: Settings, *days: date) -> list[Counts]:
    found = []
    for day in days:
        with engine(place).begin() as connection:
            found.append(load_day(connection, Landing(place.landing_uri), day))
    return found


def contacts(place: Settings) -> dict[int, tuple[str | None, bool]]:
    rows = query(place, "select user_id, email, marketing_consent from pii.contacts")
    return {user: (email, consent) for user, email, consent in rows}


def refused(place: Settings) -> list[tuple[str, int, int | None, list[str]]]:
    sql = "select source_file, row_number, user_id, reasons from pii.rejected_contacts"
    rows = query(place, f"{sql} order by ingest_date, source_file, row_number")
    return [(file.rsplit("/", 1)[1], number, user, reasons) for file, number, user, reasons in rows]


def accounting(place: Settings) -> list[tuple[Any, ...]]:
    columns = "ingest_date, landed, accepted, rejected, duplicate, erased"
    sql = f"select {columns} from analytics.ingest_accounting where table_name = 'contacts'"
    return query(place, f"{sql} order by 1")


def jsonl(*rows: Any) -> str:
    return "\n".join(json.dumps(row) for row in rows)


# --- A bad row is refused by itself.

GOOD = {"user_id": 1, "email": "good@example.org", "marketing_consent": True}

BAD_ROWS: list[tuple[str, str, int | None, list[str]]] = [
    # What is it about, the line, the user if it can be told, why it is refused.
    ("20 digits", '{"user_id": 12345678901234567890}', None, ["invalid_user_id"]),
    ("2^63", '{"user_id": 9223372036854775808}', None, ["invalid_user_id"]),
    ("5,000 digits", f'{{"user_id": {"9" * 5000}}}', None, ["malformed_record"]),
    ("negative", '{"user_id": -3}', None, ["invalid_user_id"]),
    ("a fraction", '{"user_id": 3.0}', None, ["invalid_user_id"]),
    ("a truth value", '{"user_id": true}', None, ["invalid_user_id"]),
    ("a list", '{"user_id": [3]}', None, ["invalid_user_id"]),
    ("digits of another script", '{"user_id": "\u0663"}', None, ["invalid_user_id"]),
    ("no user", '{"email": "x@example.org"}', None, ["missing_user_id"]),
    ("an empty user", '{"user_id": ""}', None, ["missing_user_id"]),
    ("NUL", '{"user_id": 3, "email": "x\\u0000@example.org"}', 3, ["invalid_email"]),
    ("half a surrogate", '{"user_id": 3, "full_name": "\\ud800"}', 3, ["invalid_full_name"]),
    ("a second header", '{"user_id": 3, "email": "x@example.org\\r\\nBcc: y@example.org"}', 3,
     ["invalid_email"]),
    ("an object", '{"user_id": 3, "email": {"to": "x@example.org"}}', 3, ["invalid_email"]),
    ("a number", '{"user_id": 3, "phone": 12025550100}', 3, ["invalid_phone"]),
    ("too long", f'{{"user_id": 3, "phone": "{"5" * 65}"}}', 3, ["too_long_phone"]),
    ("10 MB", f'{{"user_id": 3, "full_name": "{"x" * 10_000_000}"}}', None, ["malformed_record"]),
    ("no time", '{"user_id": 3, "updated_at": "yesterday"}', 3, ["invalid_updated_at"]),
    ("no such day", '{"user_id": 3, "updated_at": "2026-02-30"}', 3, ["invalid_updated_at"]),
    ("the last moment", '{"user_id": 3, "updated_at": "9999-12-31T23:59:59Z"}', 3,
     ["invalid_updated_at"]),
    ("the first moment", '{"user_id": 3, "updated_at": "0001-01-01"}', 3, ["invalid_updated_at"]),
    ("before all time", '{"user_id": 3, "updated_at": "0001-01-01T00:00+14:00"}', 3,
     ["invalid_updated_at"]),
    ("from the future", '{"user_id": 3, "updated_at": "2026-03-02"}', 3, ["updated_in_future"]),
    ("much at once", '{"user_id": -1, "email": [], "phone": "\\n", "updated_at": 7}', None,
     ["invalid_user_id", "invalid_email", "invalid_phone", "invalid_updated_at"]),
    ("not JSON", "x@example.org", None, ["malformed_record"]),
    ("cut off", '{"user_id": 3, "email": "x@exam', 3, ["malformed_record"]),
    ("cut off within the number", '{"email": "x@example.org", "user_id": 3', None,
     ["malformed_record"]),
    ("two users", '{"user_id": 3, "email": "x@example.org"}{"user_id": 4, }', None,
     ["malformed_record"]),
    ("said twice", '{"user_id": 3, "marketing_consent": false, "marketing_consent": true}', 3,
     ["malformed_record"]),
    ("a list of rows", '[{"user_id": 3, "email": "x@example.org"}]', 3, ["malformed_record"]),
    ("a text", '"x@example.org"', None, ["malformed_record"]),
    ("deep", "[" * 100_000, None, ["malformed_record"]),
]  # fmt: skip


def test_a_bad_line_is_refused_alone(place: Settings) -> None:
    """A file a case, each with a good line before and after the bad one."""
    for number, (_, line, _, _) in enumerate(BAD_ROWS):
        good = [jsonl(GOOD | {"user_id": 100 + 2 * number + at}) for at in (0, 1)]
        land(place, FIRST, f"{number:02}.jsonl", f"{good[0]}\n{line}\n\n{good[1]}\n")
    n = len(BAD_ROWS)
    assert load(place, FIRST) == [Counts(3 * n, accepted=2 * n, rejected=n, duplicate=0, erased=0)]
    whys = [(BAD_ROWS[int(file[:2])][0], *rest) for file, *rest in refused(place)]
    assert whys == [(what, 2, user, reasons) for what, _, user, reasons in BAD_ROWS]
    assert set(contacts(place)) == set(range(100, 100 + 2 * n))
    assert accounting(place) == [(FIRST, 3 * n, 2 * n, n, 0, 0)]


def test_bytes_that_are_no_text_are_refused_alone(place: Settings) -> None:
    land(place, FIRST, "u.jsonl.gz", b'\xef\xbb\xbf{"user_id": 1}\r\n{"user_id": 2, "email": "\xff"'
         b'}\r{"user_id": 3}\n \x00 \n')  # fmt: skip
    land(place, FIRST, "v.csv", b"user_id,email\n4,\xff\xfe\n5,x\x00y\n6,ok@example.org")
    load(place, FIRST)
    assert refused(place) == [
        ("u.jsonl.gz", 2, 2, ["malformed_record"]),
        ("u.jsonl.gz", 4, None, ["malformed_record"]),
        ("v.csv", 2, None, ["malformed_record"]),
        ("v.csv", 3, 5, ["invalid_email"]),
    ]
    assert set(contacts(place)) == {1, 3, 6}


def test_a_csv_row_with_too_many_or_few_fields_or_an_open_quote_is_refused_alone(
    place: Settings,
) -> None:
    land(place, FIRST, "u.csv", HEADER
         + '1,"one, ""the"" first"@example.org,true,\n2,"Two, B",true,\n3,Three, C,true,\n'
         '4\n5,"never ends,true,\n6,f@example.org,yes,\n  \n,,,\n')  # fmt: skip
    land(place, FIRST, "shifted.csv", "email,user_id\na@example.org,7\nb, c@example.org,8\n")
    load(place, FIRST)
    assert refused(place) == [
        ("shifted.csv", 3, None, ["malformed_record"]),
        ("u.csv", 2, None, ["malformed_record"]),
        ("u.csv", 4, 3, ["malformed_record"]),
        ("u.csv", 5, 4, ["malformed_record"]),
        ("u.csv", 6, None, ["malformed_record"]),
        ("u.csv", 9, None, ["missing_user_id"]),
    ]
    assert contacts(place) == {
        2: ("Two, B", True), 6: ("f@example.org", True), 7: ("a@example.org", False),
    }  # fmt: skip


def test_wrong_types_in_parquet_are_refused_row_by_row(place: Settings) -> None:
    not_text = pa.array([b"x@example.org", None], pa.binary())
    land_parquet(place, FIRST, "bytes.parquet", {"user_id": [1, 2], "email": not_text})
    land_parquet(place, FIRST, "nested.parquet",
                 {"user_id": ["3", "x"], "phone": [["+1"], None]})  # fmt: skip
    land_parquet(place, FIRST, "times.parquet", {
        "user_id": pa.array([5, 6], pa.uint64()),
        "updated_at": pa.array([0, 9 * 10**17], pa.timestamp("us")),
    })  # fmt: skip
    ends = pa.array([0, 1, 14], pa.int32()).buffers()[1]
    texts = [None, ends, pa.py_buffer(b"\xffg@example.org")]
    broken = pa.Array.from_buffers(pa.string(), 2, texts)
    land_parquet(place, FIRST, "utf8.parquet", {"user_id": [7, 8], "email": broken})
    load(place, FIRST)
    assert refused(place) == [
        ("bytes.parquet", 1, 1, ["invalid_email"]),
        ("nested.parquet", 1, 3, ["invalid_phone"]),
        ("nested.parquet", 2, None, ["invalid_user_id"]),
        ("times.parquet", 2, 6, ["invalid_updated_at"]),
        ("utf8.parquet", 1, 7, ["invalid_email"]),
    ]
    assert set(contacts(place)) == {2, 5, 8}


def test_what_is_special_to_copy_or_csv_arrives_as_it_is(place: Settings) -> None:
    odd = ["\\N", "\\.", "a\\tb", "{}", '"', "'", "%s", "\u2028", "\U0001f600", "NULL", ","]
    rows = [{"user_id": n, "email": text} for n, text in enumerate(odd)]
    land(place, FIRST, "u.jsonl", jsonl(*rows))
    load(place, FIRST)
    assert contacts(place) == {n: (text, False) for n, text in enumerate(odd)}


def test_nothing_of_a_refused_row_but_its_place_is_kept(place: Settings) -> None:
    secret = {"email": "planted@example.org", "phone": "+1-202-555-0199", "full_name": "P. Lanted"}
    land(place, FIRST, "u.jsonl", jsonl(secret, secret | {"user_id": 3, "updated_at": "?"}))
    load(place, FIRST)
    assert len(refused(place)) == 2
    everything = query(place, "select r::text from pii.rejected_contacts r")
    assert not [row for (row,) in everything for value in secret.values() if value in row]


def cut(content: bytes) -> bytes:
    """Compressed, and broken off; the same bytes on every run, for they name the test."""
    return gzip.compress(content, mtime=0)[:-20]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("u.xlsx", b"?", r"u\.xlsx: not a format that is read here"),
        ("u.parquet", b"not parquet", r"u\.parquet: can't be read as parquet"),
        ("u.csv", b"", r"u\.csv: has no column user_id \(it has none\)"),
        ("cut.jsonl.gz", cut(b'{"user_id": 1}\n' * 9999), r"cut\.jsonl\.gz: can't"),
        ("cut.csv.gz", cut(b"user_id\n" + b"1\n" * 9999), r"cut\.csv\.gz: can't"),
        ("u.jsonl.gz", b"plain text", r"u\.jsonl\.gz: can't be read to its end: Not a gzipped"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_fails_by_name(
    place: Settings, name: str, content: bytes, sentence: str
) -> None:
    land(place, FIRST, "good.jsonl", jsonl(GOOD))
    land(place, FIRST, name, b"").write_bytes(content)
    with pytest.raises(LandingError, match=sentence):
        load(place, FIRST)
    assert contacts(place) == {}
    assert accounting(place) == []


def test_a_file_without_a_header_does_not_show_whom_it_is_about(place: Settings) -> None:
    land(place, FIRST, "u.csv", "17,planted@example.org,Planted\n18,b@example.org,B\n")
    with pytest.raises(LandingError, match=r"has no column user_id \(it has 3 of other names\)"):
        load(place, FIRST)


# --- Accounting.


def test_a_day_without_rows_is_accounted_for(place: Settings) -> None:
    land(place, FIRST, "_SUCCESS", "")
    land(place, SECOND, "_SUCCESS", "")
    land(place, SECOND, "u.jsonl", jsonl(GOOD))
    load_contacts(f"{FIRST}", f"{SECOND}")
    assert accounting(place) == [(FIRST, 0, 0, 0, 0, 0), (SECOND, 1, 1, 0, 0, 0)]


def test_a_day_that_has_not_landed_is_not_said_to_be_loaded(place: Settings) -> None:
    land(place, FIRST, "_SUCCESS", "")
    with pytest.raises(LandingError, match=r"date=2026-03-02 has no _SUCCESS"):
        load_contacts(f"{FIRST}", f"{SECOND}")
    assert accounting(place) == []


def test_loading_a_day_again_replaces_what_was_noted_and_changes_nothing_else(
    place: Settings,
) -> None:
    land(place, FIRST, "u.jsonl", jsonl(GOOD, {"user_id": -1}, GOOD, {"user_id": 5}))
    land(place, SECOND, "u.jsonl", jsonl({"user_id": "x"}, {"user_id": 2}))
    load(place, FIRST, SECOND)
    state = "select c.xmin::text, c::text from pii.contacts c order by user_id"
    before = query(place, state), refused(place), accounting(place)
    load(place, FIRST)
    assert (query(place, state), refused(place), accounting(place)) == before

    remove_landed(place, FIRST)
    land(place, FIRST, "u.jsonl", jsonl(GOOD))
    load(place, FIRST)
    assert refused(place) == [("u.jsonl", 1, None, ["invalid_user_id"])]
    assert accounting(place) == [(FIRST, 1, 1, 0, 0, 0), (SECOND, 2, 1, 1, 0, 0)]


def test_an_erased_user_does_not_come_back_and_is_counted(place: Settings) -> None:
    land(place, FIRST, "u.jsonl", jsonl(GOOD, GOOD | {"user_id": 2}, {"user_id": 1, "phone": 5}))
    load(place, FIRST)
    assert accounting(place) == [(FIRST, 3, 2, 1, 0, 0)]
    with engine(place).begin() as connection:
        assert begin(connection, 1, "#123") == 1
    assert refused(place) == []
    assert accounting(place) == [(FIRST, 3, 2, 0, 0, 1)]
    load(place, FIRST)
    assert set(contacts(place)) == {2}
    assert accounting(place) == [(FIRST, 3, 1, 0, 0, 2)]


# --- Of two rows of a user.


def test_newest_day_wins_whatever_the_order(place: Settings) -> None:
    land(place, FIRST, "u.csv", "user_id,email,marketing_consent\n1,old@example.org,true\n")
    land(place, SECOND, "u.jsonl.gz", '{"user_id": 1, "email": "new@example.org"}\nnot json\n')
    load(place, SECOND, FIRST)
    assert contacts(place) == {1: ("new@example.org", False)}


EARLY, LATE = "2026-03-01T08:00:00Z", "2026-03-01T11:00:00+02:00"
BRIEF = ("user_id", "email", "marketing_consent", "updated_at")
TWO_ROWS = {
    # Rows in brief: e-mail, consent, time; then what is kept.
    "withdrawn later": ([("a", True, EARLY), ("b", False, LATE)], ("b", False)),
    "given later": ([("a", False, EARLY), ("b", True, LATE)], ("b", True)),
    "no times": ([("a", True, None), ("b", False, None)], ("b", False)),
    "no times, both give it": ([("a", True, None), ("b", True, None)], ("b", True)),
    "one time": ([("a", True, LATE), ("b", False, None)], ("a", False)),
    "the other time": ([("a", False, None), ("b", True, LATE)], ("b", False)),
    "equal times": ([("a", True, EARLY), ("b", False, EARLY)], ("b", False)),
    "three": ([("a", True, EARLY), ("b", False, EARLY), ("c", True, LATE)], ("c", True)),
    "three, one without": ([("a", True, None), ("b", False, EARLY), ("c", True, LATE)],
                           ("c", False)),
}  # fmt: skip


def test_a_withdrawal_wins_whatever_the_order(place: Settings) -> None:
    orders = [
        (case, order, kept)
        for case, (rows, kept) in TWO_ROWS.items()
        for order in itertools.permutations(rows)
    ]
    for case, order, kept in orders:
        remove_landed(place, FIRST)
        query(place, "delete from pii.contacts")
        rows = [dict(zip(BRIEF, (1, *row), strict=True)) for row in order]
        land(place, FIRST, "0.jsonl", jsonl(*rows[:-1]))
        land(place, FIRST, "1.jsonl", jsonl(rows[-1]))
        load(place, FIRST)
        assert contacts(place) == {1: kept}, case


def test_what_counts_as_consent(place: Settings) -> None:
    given = [True, 1, "true", "TRUE", " t ", "1", "Yes"]
    not_given = [False, 0, 2, 1.0, None, "", "y", "on", "false", "true, but", "x", [True], {"a": 1}]
    rows = [{"user_id": n, "marketing_consent": say} for n, say in enumerate(given + not_given)]
    land(place, FIRST, "u.jsonl", jsonl(*rows))
    load(place, FIRST)
    assert refused(place) == []
    assert [user for user, (_, consent) in sorted(contacts(place).items()) if consent] == list(
        range(len(given))
    )


def test_a_refused_row_withdraws_but_does_not_give(place: Settings) -> None:
    for user in (1, 2, 3, 4):
        land(place, FIRST, f"{user}.jsonl", jsonl(GOOD | {"user_id": user}))
    bad = {"email": {"a": "b"}}
    land(place, SECOND, "u.jsonl", jsonl(
        bad | {"user_id": 1, "marketing_consent": False},
        bad | {"user_id": 2, "marketing_consent": True},
        bad | {"user_id": 3},
        {"user_id": 4, "marketing_consent": True}, bad | {"user_id": 4},
    ))  # fmt: skip
    land(place, THIRD, "u.jsonl", jsonl({"user_id": 3, "marketing_consent": True}))
    for order in itertools.permutations((FIRST, SECOND, THIRD)):
        query(place, "delete from pii.contacts")
        query(place, "delete from pii.rejected_contacts")
        load(place, *order)
        assert contacts(place) == {
            1: ("good@example.org", False), 2: ("good@example.org", True), 3: (None, True),
            4: (None, False),
        }, order  # fmt: skip


# --- All of it at once, against the rule read aloud.

_rows = st.fixed_dictionaries(
    {"user_id": st.sampled_from([1, 1, 1, 2, 2, 3, "4", -1, None])},
    optional={
        "email": st.sampled_from(["a@example.org", "b@example.org", "", 5]),
        "marketing_consent": st.sampled_from([True, True, False, "maybe", None]),
        "updated_at": st.sampled_from([EARLY, LATE, "2026-03-01", "?"]),
    },
)
_days = st.lists(st.lists(_rows, max_size=8), min_size=1, max_size=3)


def plain_reading(days: list[list[dict[str, Any]]]) -> tuple[dict[int, Any], list[Any]]:
    """Contacts and accounting, from the rule in docs/landing.md. User 3 was erased."""
    known: dict[int, Any] = {}
    books = []
    for rows in days:
        users: dict[int, list[dict[str, Any]]] = {}
        counts = {"rejected": 0, "duplicate": 0, "erased": 0}
        for row in rows:
            user = int(row["user_id"] or 0)
            if user == 3:
                counts["erased"] += 1
                continue
            is_bad = row.get("email") == 5 or row.get("updated_at") == "?" or user < 1
            counts["rejected"] += is_bad
            if user > 0:
                users.setdefault(user, []).append({
                    "email": row.get("email") or "", "time": _time(row.get("updated_at")),
                    "yes": row.get("marketing_consent") is True, "bad": is_bad,
                })  # fmt: skip
        accepted = 0
        for user, said in users.items():
            heard = [row for row in said if not row["bad"] or not row["yes"]]
            if heard and all(row["time"] for row in heard):
                newest = max(row["time"] for row in heard)
                heard = [row for row in heard if row["time"] == newest]
            consent = all(row["yes"] for row in heard)
            if good := [row for row in said if not row["bad"]]:
                best = max(good, key=lambda row: (row["time"] or "", row["email"]))
                known[user] = (best["email"] or None, consent)
                accepted += 1
                counts["duplicate"] += len(good) - 1
            elif user in known and not consent:
                known[user] = (known[user][0], False)
        books.append((len(rows), accepted, *counts.values()))
    return known, books


def _time(value: str | None) -> str | None:
    if value in (None, "?"):
        return None
    when = datetime.fromisoformat(value)
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC).isoformat()


@settings(max_examples=60, deadline=None, suppress_health_check=[
    HealthCheck.function_scoped_fixture])  # fmt: skip
@given(_days, st.randoms(use_true_random=False))
def test_agrees_with_the_rule_read_aloud(
    place: Settings, days: list[list[dict[str, Any]]], chance: Any
) -> None:
    every = [FIRST + timedelta(days=number) for number in range(len(days))]
    with engine(place).begin() as connection:
        for table in ("pii.contacts", "pii.rejected_contacts", "analytics.ingest_accounting"):
            connection.exec_driver_sql(f"delete from {table}")
        begin(connection, 3, "#1")
    remove_landed(place, FIRST, SECOND, THIRD)
    for day, rows in zip(every, days, strict=True):
        shuffled = chance.sample(rows, len(rows))
        land(place, day, "a.jsonl", jsonl(*shuffled[::2]))
        land(place, day, "b.jsonl.gz", jsonl(*shuffled[1::2]))
    load(place, *chance.sample(every, len(every)))
    load(place, chance.choice(every))
    expected, books = plain_reading(days)
    assert contacts(place) == expected
    assert accounting(place) == [(day, *book) for day, book in zip(every, books, strict=True)]


@pytest.fixture(autouse=True)
def _no_leftovers(place: Settings) -> Iterator[None]:
    yield
    ((count,),) = query(place, "select count(*) from pg_class where relname = 'landed_contacts'")
    assert count == 0, "parsed rows stay in the staging table"


def test_contacts_are_loaded_by_the_days_of_the_warehouse_or_not_at_all(
    place: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By another zone's days, a row of tomorrow could give consent."""
    land(place, FIRST, "u.jsonl", jsonl(GOOD))
    land(place, FIRST, "_SUCCESS", "")
    monkeypatch.setenv("PROPENSITY_TIME_ZONE", "Asia/Tokyo")
    chosen_settings.cache_clear()
    with pytest.raises(ConfigError, match="warehouse's days are days of UTC, and PROPENSITY_TIME"):
        load_contacts(f"{FIRST}", f"{FIRST}")
    assert contacts(place) == {}
