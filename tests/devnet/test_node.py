"""What the node process does when chains die, with chains that only say whether they live."""

from types import SimpleNamespace

import pytest

from clearway.devnet import node as module
from clearway.devnet.clock import Clock
from clearway.devnet.folder import Folder, Settings
from clearway.devnet.node import Node
from clearway.devnet.profiles import REAL
from clearway.devnet.rpc import RpcFailure


@pytest.fixture
def node(tmp_path, monkeypatch) -> Node:
    monkeypatch.setattr(module, "Local", lambda *_: None)
    monkeypatch.setattr(module, "Roles", lambda *_: "roles")
    node = Node(Folder(tmp_path), Settings())
    node.l1 = node.l2 = SimpleNamespace(is_alive=lambda: True, rpc=None)
    node.profile, node.archive = REAL, None
    node.network = SimpleNamespace(portal="", first_l2_block=0)
    return node


def test_chains_that_could_not_be_brought_to_one_time_are_brought_there_later(node, monkeypatch):
    """A user's transaction may make a block between the look at the clock and the jump."""
    outcomes = [RpcFailure("evm_setNextBlockTimestamp", {"message": "too low"}), None]

    def synchronize(_: Clock) -> None:
        if outcome := outcomes.pop(0):
            raise outcome

    monkeypatch.setattr(Clock, "synchronize", synchronize)
    with pytest.raises(RpcFailure):
        node._revive()
    node._revive()
    assert outcomes == []
    assert node.roles == "roles"
    node._revive()  # nothing is left to do
