"""What the relayer read in several looks must have stood on L1 together."""

from types import SimpleNamespace
from typing import Any

import pytest

from clearway.devnet.relayer import Relayer

OLD = {1: "a1", 2: "a2", 3: "a3"}
NEW = {1: "a1", 2: "b2", 3: "b3"}


def relayer_on(looks: list[dict[int, str]]) -> Relayer:
    """Return a relayer whose each look at L1 sees the next of these chains, then the last."""

    def block(number: int) -> dict[str, Any]:
        chain = looks.pop(0) if len(looks) > 1 else looks[0]
        return {"hash": chain[number]}

    local: Any = SimpleNamespace(l1=SimpleNamespace(block=block))
    return Relayer(local, clock=None)  # type: ignore[arg-type]


def test_what_stands_together_is_one_chain():
    assert relayer_on([NEW])._is_one_chain(NEW)


@pytest.mark.parametrize("read", [{1: "a1", 2: "a2", 3: "b3"}, {1: "a1", 2: "b2", 3: "a3"}])
def test_blocks_of_two_chains_are_not_one(read: dict[int, str]):
    assert not relayer_on([NEW])._is_one_chain(read)


def test_a_reorganisation_between_the_looks_is_seen():
    assert not relayer_on([NEW, NEW])._is_one_chain({2: "a2", 3: "b3"})
    assert not relayer_on([OLD, NEW])._is_one_chain({2: "a2", 3: "a3"})
