"""Judging: how good a model is, beside champion and baselines, on the same rows. In order.

    judged     the rows that everybody is judged on, and the probabilities that each gave them
    baselines  what a model must beat: a constant, and recency
    evaluate   the metrics: log loss, AUC, calibration error, lift; of all rows and by campaign
    intervals  how far metrics and gains could be off by chance: bootstrap over users
    pictures   reliability, lift and importance of columns, as PNG

`include.models.fit` judges an experiment; `promotion.compare` judges the champion beside all.
"""
