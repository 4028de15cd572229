"""Health check of a service: exit code 0 if it is well.

    python docker/healthy.py URL [COMPONENT]

With COMPONENT, the answer is Airflow's `/api/v2/monitor/health`, and says how that component is.
"""

import json
import sys
import urllib.request


def main(url: str, component: str = "") -> None:
    """Ask, and exit by what the answer says."""
    with urllib.request.urlopen(url, timeout=5) as answer:
        content = answer.read()
    if component:
        status = json.loads(content)[component]["status"]
        if status != "healthy":
            sys.exit(f"{component} is {status}")


if __name__ == "__main__":
    main(*sys.argv[1:])
