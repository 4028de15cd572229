"""What jobs are made of: functions over DataFrames and columns, without session, clock or I/O.

    parsing         landed values → typed values, and the reasons for refusing a row
    events          landed events → parsed events; duplicates, categories: the next two steps
    dimensions      landed users and listings → parsed ones, duplicates of a day marked
    erased          which rows are of users who asked to be erased
    daily_activity  events → sums by user, category and day
    windows         daily sums → features: 1, 7, 28 and 84 days
    pairs           features → user × campaign: the same for training and scoring
    labels          who reacted after a snapshot date: examples
    ranking         scores → rank, decile and arm (treatment or holdout)

Each shows an example with rows in and rows out; `tests/test_docstrings.py` runs them.
"""
