"""What follows a job in its group of tasks: `bin/python -m tests.bench.publish JOB RUN`.

In a process of its own: a connection of this one would outlive the databases that a bench replaces.
"""

import sys

from include.lake.gate import gate
from include.lake.publish import publish

if __name__ == "__main__":
    gate(*sys.argv[1:3])
    publish(*sys.argv[1:3])
