"""What may know of what. Each rule is a function from a file's text to its faults.

The rules are run over the checkout, and over small examples that break them.
"""

import ast
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parents[2]

Rule = Callable[[PurePosixPath, str], Iterator[str]]

# Rooms of clearway/ which know only these of their neighbours. A room not named here may know all.
CLEARWAY_MAY_IMPORT = {
    "spec": {"spec"},
    "opstack": {"opstack"},
}
# What keepers decide, they decide without a chain; these know only each other, and these rooms.
DECISIONS = {"agreement", "bounds", "danger", "endangered", "orders", "patience", "tiles", "upkeep"}
DECISIONS_MAY_IMPORT = {"spec", "reports"}

CONTRACTS_MAY_IMPORT = {
    "interfaces": {"interfaces"},
    "math": {"math"},
    "modules": {"interfaces", "math", "modules"},
    "l1": {"interfaces", "math", "modules"},
    "l2": {"interfaces", "math", "modules"},
    "mocks": {"interfaces", "math", "modules"},
}


def imports_of(path: PurePosixPath, source: str) -> set[str]:
    """Return the full names of all that a Python file imports, at whatever depth."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = path.parts[: -node.level] if node.level else ()
            module = ".".join([*package, *filter(None, [node.module])])
            names |= {f"{module}.{alias.name}" for alias in node.names}
    return names


def rooms_imported(path: PurePosixPath, source: str) -> set[str]:
    """Return the rooms of contracts/ that a Vyper file imports from."""
    names = set(re.findall(r"^import (\S+)", source, re.M))
    for dots, module, name in re.findall(r"^from (\.*)(\S*) import (\w+)", source, re.M):
        package = path.parts[: -len(dots)] if dots else ()
        names.add(".".join([*package, *filter(None, [module]), name]))
    return {name.split(".")[1] for name in names if name.startswith("contracts.")}


def vyper_room(path: PurePosixPath) -> str | None:
    is_vyper = path.parts[0] == "contracts" and path.suffix in {".vy", ".vyi"}
    return path.parts[1] if is_vyper else None


def pure_rooms_do_without_ape(path: PurePosixPath, source: str) -> Iterator[str]:
    if path.suffix == ".py" and path.parts[:2] in {("clearway", r) for r in CLEARWAY_MAY_IMPORT}:
        for name in imports_of(path, source):
            if re.match(r"ape(_\w+)?(\.|$)", name):
                yield f"imports {name}"


def pure_rooms_keep_to_themselves(path: PurePosixPath, source: str) -> Iterator[str]:
    if path.suffix != ".py" or path.parts[0] != "clearway":
        return
    allowed = CLEARWAY_MAY_IMPORT.get(path.parts[1])
    for name in imports_of(path, source):
        package, _, below = name.partition(".")
        if package == "clearway" and allowed and below.split(".")[0] not in allowed:
            yield f"imports {name}"


def decisions_do_without_a_chain(path: PurePosixPath, source: str) -> Iterator[str]:
    if path.parts[:2] == ("clearway", "keeper") and path.stem in DECISIONS:
        for name in imports_of(path, source):
            package, *rooms = name.split(".")[:3]
            is_known = bool(set(rooms) & (DECISIONS_MAY_IMPORT | DECISIONS))
            if package == "clearway" and not is_known:
                yield f"imports {name}"


def nothing_imports_the_shells(path: PurePosixPath, source: str) -> Iterator[str]:
    if path.suffix == ".py" and path.parts[0] != "tests":
        for name in imports_of(path, source):
            # Keepers are commands of their own, which one script offers.
            is_offered = name == "bots" and str(path) == "scripts/keeper.py"
            if name.split(".")[0] in {"scripts", "bots", "tests"} and not is_offered:
                yield f"imports {name}"


def contracts_import_downwards(path: PurePosixPath, source: str) -> Iterator[str]:
    if room := vyper_room(path):
        for imported in rooms_imported(path, source) - CONTRACTS_MAY_IMPORT[room]:
            yield f"imports from {imported}"


def modules_keep_their_names(path: PurePosixPath, source: str) -> Iterator[str]:
    """An alias would hide a foreign write from the next rule."""
    if vyper_room(path):
        for name, alias in re.findall(r"^from \S+ import (\w+) as (\w+)", source, re.M):
            yield f"calls {name} {alias}"


def only_its_owner_writes_a_modules_state(path: PurePosixPath, source: str) -> Iterator[str]:
    if vyper_room(path):
        imported = re.findall(r"^from \S*\bmodules import (\w+)", source, re.M)
        if path.parts[1] == "modules":
            imported += re.findall(r"^from \. import (\w+)", source, re.M)
        for module in imported:
            target = rf"^[ \t]+({module}\.[\w.]+(?:\[.*\])?[\w.]*)"
            assigns = r"[ \t]*(?:[-+*/%|&^]|//|\*\*|<<|>>)?=(?!=)"
            for name in re.findall(rf"{target}{assigns}", source, re.M):
                yield f"writes {name}"
            for name in re.findall(rf"{target}\.(?:append|pop)\(", source, re.M):
                yield f"changes {name}"


def no_file_knows_a_machine(path: PurePosixPath, source: str) -> Iterator[str]:
    """Neither where somebody's checkout lay, nor where somebody's packages came from."""
    yield from re.findall(r"(?<![\w.~-])/(?:root|home|Users|work|opt)/\w\S*", source)
    yield from re.findall(r"\b(?:registry\.(?:npm|yarn)\w*|pypi|pythonhosted)\.\w+", source)
    if path.name == "requirements.txt":
        yield from re.findall(r"\S*://\S*|^--.*", source, re.M)
    if path.name == "package-lock.json":
        yield from re.findall(r'"resolved": "(?!node_modules).*', source)


BROKEN_BY: list[tuple[Rule, str, str]] = [
    (pure_rooms_do_without_ape, "clearway/opstack/a.py", "import ape"),
    (pure_rooms_do_without_ape, "clearway/opstack/a.py", "from ape.api import ProviderAPI"),
    (pure_rooms_do_without_ape, "clearway/spec/a.py", "def f():\n    import ape_ethereum"),
    (pure_rooms_keep_to_themselves, "clearway/opstack/a.py", "from clearway.keeper import b"),
    (pure_rooms_keep_to_themselves, "clearway/opstack/a.py", "from clearway import devnet"),
    (pure_rooms_keep_to_themselves, "clearway/spec/a.py", "from ..opstack import b"),
    (decisions_do_without_a_chain, "clearway/keeper/orders.py", "import clearway.opstack.b"),
    (
        decisions_do_without_a_chain,
        "clearway/keeper/tiles.py",
        "from clearway.keeper.hands import b",
    ),
    (nothing_imports_the_shells, "clearway/units.py", "from scripts import demo"),
    (nothing_imports_the_shells, "bots/keeper.py", "from bots.common import run"),
    (nothing_imports_the_shells, "benchmarks/a.py", "import tests.helpers"),
    (contracts_import_downwards, "contracts/math/a.vy", "from contracts.modules import b"),
    (contracts_import_downwards, "contracts/modules/a.vy", "from ..l2 import B"),
    (contracts_import_downwards, "contracts/l1/A.vy", "import contracts.l2.B as B"),
    (contracts_import_downwards, "contracts/l2/A.vy", "from . import B"),
    (contracts_import_downwards, "contracts/l2/A.vy", "from .. import mocks"),
    (modules_keep_their_names, "contracts/l2/A.vy", "from contracts.modules import b as c"),
    *[
        (
            only_its_owner_writes_a_modules_state,
            "contracts/l2/A.vy",
            f"from contracts.modules import b\n\ndef f():\n    {statement}\n",
        )
        for statement in ("b.x = 1", "b.x += 1", "b.x[a][c] = 1", "b.x[a].y -= 1", "b.x.append(1)")
    ],
    (
        only_its_owner_writes_a_modules_state,
        "contracts/modules/a.vy",
        "from . import b\n\ndef f():\n    b.x = 1\n",
    ),
    (no_file_knows_a_machine, "docs/a.md", "/".join(["see ", "home", "me", "clearway"])),
    (no_file_knows_a_machine, "docs/a.md", ".".join(["from pypi", "org"])),
    (no_file_knows_a_machine, "docs/a.md", ".".join(["registry", "npmjs", "org"])),
    (no_file_knows_a_machine, "requirements.txt", "--find-links wheels"),
    (no_file_knows_a_machine, "requirements.txt", "a @ https://example.com/a.whl"),
    (no_file_knows_a_machine, "package-lock.json", '"resolved": "https://example.com/a.tgz"'),
]

KEPT_BY: list[tuple[Rule, str, str]] = [
    (pure_rooms_do_without_ape, "clearway/devnet/a.py", "import ape"),
    (pure_rooms_do_without_ape, "clearway/opstack/a.py", "import apex"),
    (pure_rooms_keep_to_themselves, "clearway/opstack/a.py", "from . import b"),
    (pure_rooms_keep_to_themselves, "clearway/devnet/a.py", "from clearway.opstack import b"),
    (nothing_imports_the_shells, "tests/unit/a.py", "from scripts import demo"),
    (contracts_import_downwards, "contracts/modules/a.vy", "from . import b\nfrom ..math import c"),
    (contracts_import_downwards, "contracts/l2/A.vy", "from snekmate.utils import math"),
    (
        only_its_owner_writes_a_modules_state,
        "contracts/l2/A.vy",
        "from contracts.modules import b\n\ndef f():\n    c: uint256 = b.x\n    assert b.x == 1\n",
    ),
    (no_file_knows_a_machine, "docs/a.md", "https://example.com/home/a and ../work/a"),
]

RULES = sorted({rule for rule, _, _ in BROKEN_BY}, key=lambda rule: rule.__name__)


def files_of_the_project() -> Iterator[tuple[PurePosixPath, str]]:
    """Yield what git has or would take: a file counts before it is committed."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    output = subprocess.run(listing, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    for name in filter(None, output.split("\0")):
        path = ROOT / name
        if path.is_file():
            yield PurePosixPath(name), path.read_text(errors="replace")


@pytest.fixture(scope="module")
def project() -> list[tuple[PurePosixPath, str]]:
    return list(files_of_the_project())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rule_is_kept(rule, project):
    faults = [f"{path} {fault}" for path, source in project for fault in rule(path, source)]
    assert faults == []


@pytest.mark.parametrize(("rule", "path", "source"), BROKEN_BY)
def test_rule_can_fail(rule, path, source):
    assert list(rule(PurePosixPath(path), source))


@pytest.mark.parametrize(("rule", "path", "source"), KEPT_BY)
def test_rule_lets_pass(rule, path, source):
    assert not list(rule(PurePosixPath(path), source))
