"""The local chains as Ape's networks: L1 is ethereum:l1dev, L2 is optimism:l2dev.

Their addresses in ape-config.yaml are those of a network on the default ports; `connected` takes
any other. One script may hold both open: the inner `with` is the active one.
"""

from contextlib import AbstractContextManager
from typing import Any

import ape

from clearway.devnet.folder import Network

NAMES = {"l1": ("ethereum", "l1dev"), "l2": ("optimism", "l2dev")}


def connected(network: Network, layer: str) -> AbstractContextManager[Any]:
    """Return the context in which Ape speaks to a layer ("l1" or "l2") of a local network."""
    ecosystem, name = NAMES[layer]
    uri = network.l1_rpc if layer == "l1" else network.l2_rpc
    chosen = ape.networks.get_ecosystem(ecosystem).get_network(name)
    provider: AbstractContextManager[Any] = chosen.use_provider(
        "node", provider_settings={"uri": uri}
    )
    return provider
