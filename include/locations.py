"""What a place for files may look like: a folder, or a URI that every reader reads alike."""

import re

SCHEMES = ("file", "s3", "gs", "abfs", "abfss", "hdfs")
"""Tried are the first two."""
_URI = re.compile(r"([a-z][a-z0-9]*)://([^/]*)(/.*)?")
_LIKE_A_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|[a-z0-9]+//")
_ODD = re.compile(r"[%*?#\[\]{}\\]")
"""Patterns and escapes to one of the readers, letters to another."""


def wrong_with_location(location: str) -> str | None:
    """What is wrong with the setting of a place, in words; None if nothing is."""
    if location != location.strip() or location.startswith(('"', "'")):
        return "it has blanks or quotes around it"
    if location.startswith("~"):
        return "~ isn't the home of anybody here: write the whole path"
    if location and not location.strip("/"):
        return "it is no folder of this project's own"
    if odd := sorted(set(_ODD.findall(location))):
        return f"it has {' '.join(odd)} in it, which readers take for something else"
    parts = _URI.fullmatch(location)
    if parts is None:
        if _LIKE_A_URI.match(location):
            return f"it is neither a path nor a URI such as s3://bucket/folder ({_known()})"
        return None
    scheme, place, path = parts[1], parts[2], (parts[3] or "")[1:].rstrip("/")
    if "@" in place and not scheme.startswith("abfs"):
        return "it holds credentials: give them by the store's own variables"
    if scheme in ("s3a", "s3n"):
        return "write s3://: what reads it is chosen elsewhere"
    if scheme not in SCHEMES:
        return f"{scheme}:// isn't known ({_known()})"
    if scheme != "file" and not place:
        return f"it names no bucket: {scheme}://bucket/folder"
    if path and {"", ".", ".."} & {*path.split("/")}:
        return "it has an empty part, . or .. in its path: a store takes them for names"
    return None


def _known() -> str:
    return ", ".join(f"{scheme}://" for scheme in SCHEMES)
