"""A rollup: an L2, its L1, and the portal between them. Three values configure it.

Everything else (contracts, delays, versions, features) is read on chain, so one code path serves a
local network and the live ones.
"""

from dataclasses import dataclass

import rlp
from eth_utils.crypto import keccak

from clearway.opstack import abi
from clearway.opstack.addresses import (
    L2_MESSENGER,
    MESSAGE_PASSER,
    ZERO_ADDRESS,
    Address,
)
from clearway.opstack.chain import MISSHAPEN, Call, Chain, first_present
from clearway.opstack.errors import (
    RpcError,
    RpcNonsense,
    StateUnavailable,
    UnsupportedRollup,
    WrongChain,
)
from clearway.opstack.games import SUPER_ROOT_TYPES, Game, Games
from clearway.opstack.messages import OutputProof, complete_storage_proof, unhex


@dataclass(frozen=True)
class Delays:
    """What a withdrawal waits for on L1, in seconds of chain time."""

    proof_maturity: int
    game_finality: int


@dataclass(frozen=True)
class WithdrawalProof:
    """What `proveWithdrawalTransaction` asks for, apart from the withdrawal and the game."""

    output: OutputProof
    nodes: list[bytes]  # of the message passer's storage trie, root first


class Rollup:
    """The contracts and rules of one rollup. Make it with `Rollup.connect`."""

    def __init__(
        self,
        l1: Chain,
        l2: Chain,
        portal: Address,
        *,
        version: str,
        messenger: Address,
        bridge: Address,
        games: Games,
        delays: Delays,
    ) -> None:
        self.l1 = l1
        self.l2 = l2
        self.portal = portal
        self.version = version
        self.messenger = messenger
        self.bridge = bridge
        self.games = games
        self.delays = delays

    @classmethod
    def connect(cls, l1: Chain, l2: Chain, portal: Address) -> "Rollup":
        """Read the contracts behind `portal` and check that `l2` is its rollup.

        Raises `UnsupportedRollup` for a portal that isn't OptimismPortal2 or that this client
        can't drive, `WrongChain` if the L2 belongs to another portal.
        """
        version, factory, registry, config, super_roots = l1.calls(
            [
                Call(portal, abi.VERSION),
                Call(portal, abi.Portal.FACTORY),
                Call(portal, abi.Portal.REGISTRY),
                Call(portal, abi.Portal.SYSTEM_CONFIG),
                Call(portal, abi.Portal.SUPER_ROOTS_ACTIVE),
            ]
        )
        if factory is None or config is None:
            raise UnsupportedRollup(
                f"{portal} on chain {l1.chain_id} is no OptimismPortal2",
                "give the address of the rollup's OptimismPortalProxy (fault proofs, 3.x or later)",
            )
        if super_roots:
            raise UnsupportedRollup(
                f"portal {version} proves against interop super roots",
                "its proofs take five arguments, which this client doesn't make; withdraw with the "
                "chain's own bridge",
            )
        messenger = l1.call(config, abi.SystemConfig.L1_MESSENGER)
        bridge = l1.call(config, abi.SystemConfig.L1_BRIDGE)
        other = l2.try_call(L2_MESSENGER, abi.Messenger.OTHER)
        if other != messenger:
            raise WrongChain(
                f"the L2 RPC at {l2.url} (chain {l2.chain_id}) isn't the rollup of portal {portal}",
                f"its messenger answers to {other or 'nobody'} and not to {messenger}: check the "
                "L2 RPC and the portal",
            )
        return cls(
            l1,
            l2,
            portal,
            version=version or "unknown",
            messenger=messenger,
            bridge=bridge,
            games=Games(l1, portal, factory, registry, l2.chain_id),
            delays=cls._delays(l1, portal, registry),
        )

    @staticmethod
    def _delays(l1: Chain, portal: Address, registry: Address | None) -> Delays:
        judge = registry or ZERO_ADDRESS
        maturity, *finality = l1.calls(
            [
                Call(portal, abi.Portal.PROOF_MATURITY),
                Call(judge, abi.Registry.GAME_FINALITY),
                Call(portal, abi.Portal.GAME_FINALITY),
            ]
        )
        game_finality = first_present(finality)
        if maturity is None or game_finality is None:
            raise UnsupportedRollup(f"portal {portal} doesn't tell its delays")
        return Delays(maturity, game_finality)

    def is_paused(self) -> bool:
        return bool(self.l1.call(self.portal, abi.Portal.PAUSED))

    def position_of(self, l2_block: int, game_type: int) -> int:
        """Return what a game of this type must have reached to commit to `l2_block`."""
        return self.l2.block(l2_block).timestamp if game_type in SUPER_ROOT_TYPES else l2_block

    def block_of(self, game: Game) -> int | None:
        """Return the L2 block that a game commits to, None if the L2 isn't that far yet."""
        head = self.l2.block()
        if not game.is_super:
            return game.position if game.position <= head.number else None
        if game.position >= head.timestamp:
            return None
        # The last block at or before the timestamp.
        return self.l2.first_block_since(game.position + 1, 0, head.number) - 1

    def output_at(self, l2_block: int) -> OutputProof:
        """Recompute the preimage of the output root of an L2 block from our own L2 node."""
        return self.prove_slot(l2_block, None).output

    def prove_slot(self, l2_block: int, slot: bytes | None) -> WithdrawalProof:
        """Return the output proof of an L2 block, and the storage proof of `slot` in it.

        Raises `StateUnavailable` if the node has pruned that state, `RpcNonsense` if its answers
        contradict each other.
        """
        keys = ["0x" + slot.hex()] if slot else []
        header = self.l2.block(l2_block)
        try:
            answer = self.l2.request("eth_getProof", MESSAGE_PASSER, keys, hex(l2_block))
        except RpcError as error:
            raise StateUnavailable(
                f"the L2 node at {self.l2.url} has no state of block {l2_block} ({error.message})",
                "use an archive node for L2",
            ) from error
        try:
            root_node = unhex(answer["accountProof"][0])
            output = OutputProof(header.state_root, unhex(answer["storageHash"]), header.hash)
            nodes = [unhex(n) for entry in answer["storageProof"] for n in entry["proof"]]
            values = [int(entry["value"], 16) for entry in answer["storageProof"]]
            nodes = complete_storage_proof(slot, nodes) if slot else nodes
        except (*MISSHAPEN, rlp.DecodingError) as error:
            raise RpcNonsense(
                f"the L2 RPC at {self.l2.url} gave no proof for block {l2_block}", "use another RPC"
            ) from error
        if keccak(root_node) != header.state_root:
            raise RpcNonsense(
                f"the L2 RPC at {self.l2.url} gave a proof that isn't of block {l2_block}",
                "it may have changed its mind about that block: try again, or use another RPC",
            )
        if slot and values != [1]:
            raise StateUnavailable(
                f"the withdrawal isn't in the state of L2 block {l2_block}",
                "the L2 may have been reorganised: look at the withdrawal again",
            )
        return WithdrawalProof(output, nodes)
