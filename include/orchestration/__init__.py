"""What the DAGs are wired from: operators, waits, the group build → gate → publish, a listener.

Nothing heavy is imported at the top of these modules, because the DAG processor imports them at
every parse. A task's body is one import and one call; what it calls lives in the package of its
subject.
"""
