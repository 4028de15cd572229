"""The model card: one page a version that says what it is, how good, and why it was decided so."""

import base64
from datetime import UTC, datetime
from pathlib import Path

import jinja2
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.metrics import log_loss

from include.models.examples import Examples
from include.models.fitting.compute import available_threads
from include.models.judging import baselines, pictures
from include.models.judging.evaluate import ALL, MEAN
from include.models.judging.intervals import Resampled
from include.models.judging.judged import Judged, rows_to_judge
from include.models.matrix import CATEGORICAL, to_matrix
from include.models.prediction import read_model
from include.models.promotion.rules import CHAMPION, Metrics
from include.models.tracking import FinishedRun

TEMPLATE = Path(__file__).with_name("model_card.html.j2")
# About so many: each column is shuffled and predicted once.
IMPORTANCE_ROWS = 20_000


def model_card(
    version: str,
    run: FinishedRun,
    judged: Judged,
    metrics: Metrics,
    resampled: Resampled,
    summary: str,
    test: Examples,
    champion: str | None,
    image: str,
) -> dict[str, bytes]:
    """The page and its pictures, by file name.

    Args:
        version: The registered version.
        run: The experiment that it comes from.
        judged: The rows that everybody was judged on.
        metrics: Figures with their intervals.
        resampled: For the gains against the champion and each baseline.
        summary: What was decided, and why.
        test: Examples of the judged snapshot date, for the importance of columns.
        champion: The version that was champion then, if there was one.
        image: What its pod ran, as the cluster named it; empty for a subprocess.
    """
    references = [*([CHAMPION] if champion else []), baselines.RECENCY, baselines.CONSTANT]
    shown = [run.experiment, *references]
    images = {
        "reliability.png": pictures.reliability(judged, shown[:-1]),
        "lift.png": pictures.lift(judged, shown),
        "importance.png": pictures.importance(_importance(run, test)),
    }
    experiments = sorted(set(metrics) - set(shown), key=lambda n: metrics[n][ALL]["log_loss"])
    page = jinja2.Template(
        TEMPLATE.read_text(encoding="utf-8"), autoescape=True, undefined=jinja2.StrictUndefined
    ).render(
        version=version,
        manifest=run.report["manifest"],
        rows=run.report["rows"],
        judged_rows=len(judged.label),
        summary=summary,
        champion=champion,
        image=image,
        metrics=metrics,
        experiment=run.experiment,
        order=[run.experiment, *experiments, *references],
        campaigns=[scope for scope in metrics[run.experiment] if scope not in (ALL, MEAN)],
        gains=[(name, resampled.gain(run.experiment, name, ALL)) for name in references],
        confidence=resampled.confidence,
        pictures={n: base64.b64encode(content).decode() for n, content in images.items()},
        made_at=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    )
    return {"model_card.html": page.encode(), **images}


def _importance(run: FinishedRun, test: Examples) -> dict[str, float]:
    saved = read_model(run.uri)
    model = saved.load().model
    layout = saved.manifest.layout
    rows = pa.Table.from_batches(list(rows_to_judge(test, IMPORTANCE_ROWS)))
    matrix = to_matrix(rows, layout)
    label = rows.column("label").to_numpy()
    weight = rows.column("weight").to_numpy()
    threads = available_threads()

    def loss(changed: NDArray[np.float32]) -> float:
        probability = model.predict(changed, threads)
        return float(log_loss(label, probability, sample_weight=weight, labels=[0, 1]))

    return pictures.permutation_rises(matrix, [*layout.features, *CATEGORICAL], loss)
