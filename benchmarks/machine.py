"""The computer that the figures are of; nothing that tells whose it is."""

import os
import platform


def facts() -> list[tuple[str, str]]:
    """Return names and values, for people."""
    return [
        ("system", f"{platform.system()} {platform.release()}, {platform.machine()}"),
        ("cores", f"{os.cpu_count()}, {_load()} at the start"),
        ("Python", platform.python_version()),
    ]


def _load() -> str:
    try:
        return f"load {os.getloadavg()[0]:.1f}"
    except OSError:
        return "load unknown"
