"""Pairs of an L1 and its L2 by name: where their nodes are, and which portal joins them.

A pair comes from the running local network, from `networks.toml`, or wholly from its user.
"""

import json
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clearway.opstack import Chain, Rollup
from clearway.opstack.addresses import Address, parse_address
from clearway.opstack.errors import BadInput, RpcUnavailable
from clearway.opstack.text import choices

LOCAL = "local"
LOCAL_FOLDER = Path(".devnet")  # in the project's folder
LOCAL_FILE = "network.json"
KNOWN_FILE = Path(__file__).with_name("networks.toml")


@dataclass(frozen=True)
class Network:
    """What leads to a rollup. A chain id is None where nothing says which it must be."""

    name: str
    l1_rpc: str
    l2_rpc: str
    portal: Address
    l1_chain_id: int | None
    l2_chain_id: int | None
    folder: Path = LOCAL_FOLDER  # of the local network

    @property
    def is_local(self) -> bool:
        return self.name == LOCAL

    def connect(self) -> Rollup:
        """Connect to both chains; raise `WrongChain` if an RPC serves another than was meant."""
        with self._advising():
            l1 = _connected(self.l1_rpc, "L1", self.l1_chain_id)
            return Rollup.connect(l1, self.connect_l2(), self.portal)

    def connect_l2(self) -> Chain:
        """Connect to L2 alone."""
        with self._advising():
            return _connected(self.l2_rpc, "L2", self.l2_chain_id)

    @contextmanager
    def _advising(self) -> Iterator[None]:
        """Say how to start the local network when it doesn't answer."""
        try:
            yield
        except RpcUnavailable as error:
            if self.is_local:
                error.advise("start the local network with `ape run devnet up`")
            raise


def _connected(url: str, name: str, chain_id: int | None) -> Chain:
    chain = Chain.connect(url, name)
    if chain_id is not None:
        chain.require_chain_id(chain_id)
    return chain


def known_networks() -> dict[str, dict[str, Any]]:
    """Return the entries of `networks.toml`."""
    return tomllib.loads(KNOWN_FILE.read_text())


def find_network(
    name: str | None = None,
    *,
    l1_rpc: str | None = None,
    l2_rpc: str | None = None,
    portal: str | None = None,
    folder: Path = LOCAL_FOLDER,
) -> Network:
    """Return the pair `name` (default: the local one) with what is given put in its place.

    All three values without a name make a pair of their own.
    """
    if name is None and l1_rpc and l2_rpc and portal:
        return Network("custom", l1_rpc, l2_rpc, _portal(portal), None, None)
    entry = _local(folder) if name in (None, LOCAL) else _known(str(name))
    l1_rpc = l1_rpc or entry.get("l1_rpc")
    if not l1_rpc:
        raise BadInput(
            f"no L1 RPC is given for {name}",
            f"give an RPC of chain {entry['l1_chain_id']} by --l1-rpc or CLEARWAY_L1_RPC",
        )
    is_other_rollup = portal is not None and portal.lower() != str(entry["portal"]).lower()
    return Network(
        name or LOCAL,
        l1_rpc,
        l2_rpc or entry["l2_rpc"],
        _portal(portal or entry["portal"]),
        entry["l1_chain_id"],
        None if is_other_rollup else entry["l2_chain_id"],
        folder,
    )


def _portal(text: str) -> Address:
    return parse_address(text, "the portal")


def _known(name: str) -> dict[str, Any]:
    networks = known_networks()
    if name in networks:
        return networks[name]
    raise BadInput(f"no network is named {name!r}", choices(name, [LOCAL, *networks]))


def _local(folder: Path) -> dict[str, Any]:
    path = folder / LOCAL_FILE
    wanted = {"l1_rpc": str, "l2_rpc": str, "portal": str, "l1_chain_id": int, "l2_chain_id": int}
    try:
        entry = json.loads(path.read_text())
        whole = all(isinstance(entry[key], kind) for key, kind in wanted.items())
    except (FileNotFoundError, NotADirectoryError):
        raise BadInput(
            "no local network is running",
            "start one with `ape run devnet up`, or name another with --network",
        ) from None
    except (OSError, ValueError, KeyError, TypeError):
        whole = False
    if not whole:
        raise BadInput(
            f"{path} doesn't describe a local network",
            "stop the network and start it again with `ape run devnet up`",
        )
    return dict(entry)
