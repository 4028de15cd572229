"""Write `.env` from `.env.example`, with secrets of its own; leaves an existing one alone.

    python3 docker/write_env.py [FOLDER]

Needs nothing but Python's standard library: it runs before anything is installed.
"""

import base64
import secrets
import sys
from pathlib import Path

FERNET_KEY = "FERNET_KEY"


def filled(example: str) -> str:
    """The example with a value for each secret: the keys that it leaves empty before its ports."""
    lines = []
    is_secret = False
    for line in example.splitlines():
        if line.startswith("#"):
            is_secret = line.startswith("# Secrets")
        key, equals, value = line.partition("=")
        if is_secret and equals and not value:
            random = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
            line = f"{key}={random if key == FERNET_KEY else secrets.token_urlsafe(24)}"  # noqa: PLW2901
        lines.append(line)
    return "\n".join(lines) + "\n"


def main(folder: Path) -> None:
    """Write the file for its owner's eyes only."""
    target = folder / ".env"
    if target.exists():
        return
    content = filled((folder / ".env.example").read_text(encoding="utf-8"))
    target.touch(mode=0o600)
    target.write_text(content, encoding="utf-8")
    print(f"[compose] {target} with new secrets; the UI's account is admin, ADMIN_PASSWORD in it")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path())
