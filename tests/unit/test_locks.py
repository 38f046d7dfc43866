"""The locks follow what the project asks for; `make lock` renews them."""

import json
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_python_pin_is_exact_and_locked():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = {
        *project["project"]["dependencies"],
        *project["dependency-groups"]["dev"],
        *project["tool"]["uv"]["override-dependencies"],
    }
    locked = set(re.findall(r"^[\w.-]+==[\w.]+", (ROOT / "requirements.txt").read_text(), re.M))
    assert wanted - locked == set()


def test_every_locked_package_has_hashes():
    entries = re.split(r"\n(?=\w)", (ROOT / "requirements.txt").read_text())[1:]
    assert entries
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


def test_the_npm_lock_has_what_package_json_asks_for():
    wanted = json.loads((ROOT / "package.json").read_text())
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    for name, version in {**wanted["dependencies"], **wanted["optionalDependencies"]}.items():
        assert locked[f"node_modules/{name}"]["version"] == version
