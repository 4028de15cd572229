"""Promotion: from judged experiments to a champion, and the way back. In order.

    compare    judges experiments, champion and baselines on the same rows; registers the best
    rules      the conditions: what stands against the candidate (`objections`)
    decide     records the comparison; `promote` makes the candidate champion, or doesn't
    champions  the history: who is champion on which day (`champion_on`), and every decision
    rollback   brings an earlier champion back
    registry   model versions in MLflow; the alias `champion` follows the history
    card       the model card of a version; answers: what a person who is asked may say

Where is the champion chosen? `decide.promote` chooses, `champions.champion_on` knows.
"""
