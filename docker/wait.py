"""Wait until every service of the stack is healthy, and say how long each took.

    python3 docker/wait.py docker-compose

Takes the compose command as its arguments. Needs nothing but Python's standard library.
"""

import json
import subprocess
import sys
import time

LIMIT_S = 400
LINES = 40


def states(compose: list[str]) -> dict[str, str]:
    """State of each service's container: its health, or where it has none, its status."""
    ids = _run([*compose, "ps", "-q", "-a"] if compose[-1] == "compose" else [*compose, "ps", "-q"])
    if not ids.split():
        return {}
    found = {}
    for container in json.loads(_run(["docker", "inspect", *ids.split()])):
        state = container["State"]
        name = container["Config"]["Labels"]["com.docker.compose.service"]
        health = (state.get("Health") or {}).get("Status")
        found[name] = health or (f"exited {state['ExitCode']}" if not state["Running"] else "up")
    return found


def wait(compose: list[str], limit_s: int = LIMIT_S) -> dict[str, float]:
    """Seconds until each service was healthy, or its one shot done."""
    started = time.monotonic()
    ready: dict[str, float] = {}
    while time.monotonic() - started < limit_s:
        now = states(compose)
        for name, state in now.items():
            if state in ("healthy", "exited 0") and name not in ready:
                ready[name] = time.monotonic() - started
                print(f"[compose] {ready[name]:6.1f} s  {name}: {state}", flush=True)
            is_dead = state.startswith("exited") and state != "exited 0"
            if is_dead or state == "unhealthy":
                print(_run([*compose, "logs", f"--tail={LINES}", name]))
                sys.exit(f"error: the service {name} is {state}: see its log above")
        if now and len(ready) == len(now):
            return ready
        time.sleep(1)
    late = {name: state for name, state in states(compose).items() if name not in ready}
    sys.exit(f"error: after {limit_s} s not healthy: {late}; {' '.join(compose)} logs SERVICE")


def _run(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    wait(sys.argv[1:])
