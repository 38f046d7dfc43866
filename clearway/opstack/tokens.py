"""Pairs of an L1 token and the L2 token that stands for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eth_utils.address import to_checksum_address

from clearway.opstack import abi
from clearway.opstack.addresses import (
    L2_BRIDGE,
    L2_TOKEN_FACTORY,
    Address,
)
from clearway.opstack.chain import Call, Chain, first_present
from clearway.opstack.effects import Progress, purpose_of, silent
from clearway.opstack.errors import (
    InsufficientBalance,
    Reverted,
    RpcNonsense,
    UnknownTokenPair,
)
from clearway.opstack.messages import (
    is_event,
    topics_of,
    unhex,
)
from clearway.opstack.rollup import Rollup
from clearway.opstack.sender import Sender, Transaction
from clearway.opstack.text import amount as amount_text


@dataclass(frozen=True)
class TokenPair:
    """An L1 token and its representation on L2."""

    l1_token: Address
    l2_token: Address
    symbol: str
    decimals: int


class Tokens:
    """Pairs of an L1 token and its L2 representation."""

    def __init__(self, rollup: Rollup) -> None:
        self.rollup = rollup

    def pair(self, l1_token: Address, l2_token: Address) -> TokenPair:
        """Return the pair if the two name each other; raise `UnknownTokenPair` if not."""
        found = self.pair_of(l2_token)
        if found.l1_token != l1_token:
            raise UnknownTokenPair(
                f"the L2 token {l2_token} stands for {found.l1_token}, not for {l1_token}",
                "a deposit to a wrong pair would be lost; give the right pair",
            )
        return found

    def pair_of(self, l2_token: Address) -> TokenPair:
        """Return the pair of an L2 token, as the token itself tells it."""
        remote, old_remote, bridge = self.rollup.l2.calls(
            [
                Call(l2_token, view)
                for view in (abi.Token.REMOTE_TOKEN, abi.Token.L1_TOKEN, abi.Token.BRIDGE)
            ]
        )
        l1_token = first_present([remote, old_remote])
        if l1_token is None:
            raise UnknownTokenPair(
                f"{l2_token} on L2 names no L1 token",
                "only tokens made by the chain's factory cross this bridge "
                "(`bridge create-token` makes one)",
            )
        if bridge not in (None, L2_BRIDGE):
            raise UnknownTokenPair(
                f"the L2 token {l2_token} belongs to another bridge ({bridge})",
                "use that bridge",
            )
        symbol, decimals = self.rollup.l1.calls(
            [Call(l1_token, abi.Token.SYMBOL), Call(l1_token, abi.Token.DECIMALS)]
        )
        if decimals is None:
            raise UnknownTokenPair(
                f"the L2 token {l2_token} stands for {l1_token}, which is no token on this L1",
                "check the networks",
            )
        return TokenPair(l1_token, l2_token, symbol or "?", decimals)

    def create(self, l2_sender: Sender, l1_token: Address) -> TokenPair:
        """Make the L2 representation of an L1 token through the chain's factory."""
        purpose = purpose_of("create token", l1_token)
        call = self.creation(l1_token)
        try:
            receipt = l2_sender.run(Transaction(purpose, L2_TOKEN_FACTORY, call))
        except Reverted as error:
            error.advise(
                "the factory makes one such token for each, and may have made this one before"
            )
            raise
        l2_sender.report(purpose)
        return self.pair(l1_token, self.created(receipt))

    def creation(self, l1_token: Address) -> bytes:
        """Return the call of the factory that makes an L1 token's representation."""
        name, symbol, decimals = self.rollup.l1.calls(
            [Call(l1_token, v) for v in (abi.Token.NAME, abi.Token.SYMBOL, abi.Token.DECIMALS)]
        )
        if decimals is None:
            raise UnknownTokenPair(f"{l1_token} is no token on L1", "check the address")
        return abi.TokenFactory.CREATE.encode(l1_token, name or "", symbol or "", decimals)

    def created(self, receipt: Mapping[str, Any]) -> Address:
        """Return the token that the factory made in a transaction."""
        for log in receipt["logs"]:
            if is_event(log, L2_TOKEN_FACTORY, abi.TokenFactory.CREATED):
                (l2_token, _), _ = abi.TokenFactory.CREATED.decode(
                    topics_of(log), unhex(log["data"])
                )
                return to_checksum_address(l2_token)
        raise RpcNonsense("the L2 RPC's receipt names no new token", "use another RPC")


def require_token_balance(
    chain: Chain, token: Address, owner: Address, amount: int, pair: TokenPair
) -> None:
    balance = chain.call(token, abi.Token.BALANCE, owner)
    if balance < amount:
        raise InsufficientBalance(
            f"{owner} has {amount_text(balance, pair.decimals)} {pair.symbol} on {chain.name}, "
            f"less than {amount_text(amount, pair.decimals)}",
            "move less",
        )


def allow(
    sender: Sender, token: Address, spender: Address, amount: int, progress: Progress = silent
) -> None:
    """Let a contract take token units of the sender's, if it may not yet."""
    chain, owner = sender.chain, sender.address
    if chain.call(token, abi.Token.ALLOWANCE, owner, spender) >= amount:
        return
    progress(f"approving {spender} on {chain.name}")
    purpose = purpose_of("approve", token, owner, spender, amount)
    sender.run(Transaction(purpose, token, abi.Token.APPROVE.encode(spender, amount)))
    sender.report(purpose)
