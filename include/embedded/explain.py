"""`make explain`: where one published score comes from, and whether it comes out again."""

import hashlib

import pyarrow as pa
from pyspark.sql import SparkSession

from include.code_version import code_version
from include.contracts.propensity import features
from include.embedded.postgres import start_postgres
from include.errors import NoModelError, PipelineError, StoreAwayError
from include.models.manifest import Manifest
from include.models.prediction import read_model
from include.predictions.origin import Asked, Input, Origin, asked_for, model_uri, origin_of
from include.settings import Settings
from spark_jobs.explain import OfUser, pair_of, score_of, tables_of
from spark_jobs.session import spark_session

LAST_PLACES = 1e-6
"""Networks differ by less between kinds of processors, which add up in another order."""


def explain(settings: Settings, text: str, spark: SparkSession | None = None) -> bool:
    """Print where a score comes from, and compute it again.

    Args:
        settings: They name the warehouse, the lake and the registry.
        text: Day, campaign and user of the score.
        spark: The session; default: Sail in this process, whatever engine the jobs run on.

    Returns:
        Whether it came out the same, to the last bit.

    Raises:
        PipelineError: There is no such score.
    """
    asked = asked_for(text)
    start_postgres(settings)
    try:
        origin = origin_of(settings, asked)
        _show_publication(origin)
        _show_inputs(origin)
        spark = spark or spark_session("explain", engine="sail")
        tables = tables_of(spark, settings, origin.pins, asked.day, asked.user_id)
        return compute_again(tables, asked, origin)
    except PipelineError:
        raise
    # Whatever else is away or broken (MLflow, a table's file, the model's) is an answer, too.
    except Exception as error:
        said = (str(error).strip() or "no reason given").split("\n", 1)[0]
        print(f"\nNOT COMPUTED AGAIN. {type(error).__name__}: {said}")
        return False


def compute_again(tables: OfUser, asked: Asked, origin: Origin) -> bool:
    """Print features and model of a score, and what it is by them; whether it is the same."""
    try:
        pair = pair_of(tables, asked.campaign_id)
        _show_features(tables, pair)
        uri = model_uri(tables.settings, origin.row.model_version)
        model = read_model(uri)
        _show_model(origin, uri, model.manifest)
        score = score_of(pair, model)
    except (PipelineError, StoreAwayError) as error:
        what = "Its model can't be used" if isinstance(error, NoModelError) else "The lake lacks it"
        print(f"\nNOT COMPUTED AGAIN. {what}: {error}")
        return False
    published = float(origin.row.score)
    if score == published:
        print(f"\nEQUAL. Published {published!r}, computed again {score!r}.")
        return True
    print(
        f"\nDIFFERENT. Published {published!r}, computed again {score!r}: "
        f"{score - published:+.3g}. {_why_different(origin, model.manifest, score - published)}"
    )
    return False


def _show_publication(origin: Origin) -> None:
    row, publication = origin.row, origin.publication
    print(f"{row.score_date}, campaign {row.campaign_id}, user {row.user_id}")
    _block(
        "Published",
        {
            "score": f"{row.score!r}",
            "rank": f"{row.rank}, decile {row.decile}, arm {row.arm}",
            "publication": f"{publication.publication_id}, {publication.status}: "
            f"{publication.reason}",
            "visible since": f"{publication.published_at:%Y-%m-%d %H:%M:%S} UTC",
            "run": publication.run_id,
            "model": f"version {row.model_version}, chosen by {publication.model_policy}",
            "made by": f"attempt {publication.attempt}, code {publication.code_version}"
            if publication.attempt
            else "an attempt that isn't on record",
        },
    )


def _show_inputs(origin: Origin) -> None:
    _block("Made from", {f"{one.table} {one.days}": _said_of(one) for one in origin.inputs})


def _said_of(one: Input) -> str:
    """What became of a table that the score was made from."""
    since = "; ".join(
        f"{row.partition_date} by attempt {row.attempt} at {row.committed_at:%Y-%m-%d %H:%M:%S} UTC"
        for row in one.built_since
    )
    again = f"built again since ({since})" if since else "replaced since"
    name = f"snapshot {one.snapshot_id}" if one.snapshot_id else "a snapshot that isn't on record"
    if one.is_kept and not one.is_replaced:
        return f"{name}, which is what the lake holds now"
    if one.is_kept:
        return f"{name}. Its rows were {again}: computed again from that snapshot"
    if one.is_replaced:
        return f"{name}, which has expired, and was {again}: computed again from the rows of now"
    return f"{name}, which has expired; none was built again since: computed from the rows of now"


def _show_model(origin: Origin, uri: str, manifest: Manifest) -> None:
    names = hashlib.sha256("\n".join(manifest.features).encode()).hexdigest()
    _block(
        f"Model version {origin.row.model_version}",
        {
            "file": f"{uri}/{manifest.model_file}, SHA-256 {manifest.model_sha256[:12]}",
            "experiment": f"{manifest.experiment} ({manifest.family}), seed {manifest.seed}",
            "trained through": f"{manifest.trained_through}",
            "examples": f"training.examples at snapshot {manifest.examples_snapshot_id}",
            "code": manifest.code_version,
            "features": f"{len(manifest.features)}, SHA-256 of their names {names[:12]}",
        },
    )


def _show_features(tables: OfUser, pair: pa.RecordBatch) -> None:
    shown = {}
    for column in features(tables.event_types):
        value = pair.column(column.name)[0].as_py()
        shown[column.name] = "null" if value is None else f"{value!r} {column.unit}".rstrip()
    for name in ("category", "campaign_id"):
        shown[name] = pair.column(name)[0].as_py()
    _block("Features, as the model sees them", shown)


def _why_different(origin: Origin, manifest: Manifest, difference: float) -> str:
    gone = [one.table for one in origin.inputs if one.is_replaced and not one.is_kept]
    if gone:
        return (
            f"That says nothing against the publication: {', '.join(gone)} was built again since, "
            "and the rows that it was made from have expired"
        )
    if manifest.family == "torch" and abs(difference) < LAST_PLACES:
        return "A network on another kind of processor may differ in the last places"
    return (
        "What it was made from is the same, so the row was changed by hand, or the configuration "
        f"or the code was another one (then {origin.publication.code_version or 'unknown'}, now "
        f"{code_version()})"
    )


def _block(title: str, lines: dict[str, str]) -> None:
    width = max(len(name) for name in lines)
    print(f"\n{title}")
    for name, said in lines.items():
        print(f"  {name.ljust(width)}  {said}")
