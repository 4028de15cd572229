"""Models, from examples to a champion.

    snapshot_dates  which days are learnt from
    examples        the examples in the lake, split by time and read in batches
    matrix          examples, or pairs to score → the columns of a model's matrix
    fit             the entry point: fits and judges one experiment, with `fitting/` and `judging/`
    manifest        what is saved beside a model
    tracking        MLflow: runs with their models and judgements
    promotion/      which experiment of a run becomes champion, and who is champion on which day
    prediction      loads a saved model and predicts with it: what scoring needs of all this

Imports no Airflow and no Spark: the training image has neither.
"""
