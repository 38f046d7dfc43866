"""The relayer stands for derivation: it brings to L2 what L1 says, in L1's order.

It keeps no state of its own. L2 itself knows its L1 origin (the `L1Block` contract), and whether a
deposit is there is asked by the deposit's hash; so nothing is relayed twice, whatever dies. When
L1 drops the origin in a reorganisation, L2 drops the blocks built on it and takes its own users'
transactions again.
"""

from collections import defaultdict
from typing import Any

from clearway.devnet.accounts import Role, role
from clearway.devnet.clock import Clock
from clearway.devnet.errors import DevnetError
from clearway.devnet.local import Local
from clearway.devnet.rpc import RpcFailure
from clearway.opstack import abi
from clearway.opstack.addresses import L1_BLOCK
from clearway.opstack.messages import (
    Deposit,
    L1Attributes,
    deposits_in,
    tohex,
    unhex,
)

Header = dict[str, Any]
POOL_ATTEMPTS = 20


class RollbackTooDeep(Exception):
    """L2 must go back further than its node remembers."""


class Relayer:
    """Brings L1's blocks to L2."""

    def __init__(self, local: Local, clock: Clock) -> None:
        self._local = local
        self._clock = clock
        self._done: str = ""  # hash of the L1 block up to which everything is on L2
        self.relayed = 0  # deposits, since this process started

    def run(self) -> list[str]:
        """Bring L2 up to L1's head; return what happened, in words."""
        head = self._local.l1.block()
        if head["hash"] == self._done:
            return []
        number, block_hash = self.origin()
        events = []
        if not self._is_canonical(number, block_hash):
            events.append(self._roll_back())
            number, block_hash = self.origin()
        todo, read = self._blocks_to_relay(number, head)
        if not self._is_one_chain({**read, number: block_hash}):
            return [*events, "L1 was reorganised while it was read: reading it again"]
        if self._local.sequencer.down:
            todo = [one for one in todo if self._is_overdue(one[0], head)]
            if todo:
                self._clock.catch_up()
        else:
            self._done = head["hash"]
        for header, deposits in todo:
            self._relay(header, deposits)
            events += [f"relayed deposit {tohex(one.hash)}" for one in deposits]
        return events

    def origin(self, block: str = "latest") -> tuple[int, str]:
        """Return number and hash of the L1 block that an L2 block was derived from."""
        calls = [
            ("eth_call", ({"to": L1_BLOCK, "data": tohex(view.encode())}, block))
            for view in (abi.L1Block.NUMBER, abi.L1Block.HASH)
        ]
        number, block_hash = self._local.l2.many(calls)
        return int(number, 16), str(block_hash)

    def _is_canonical(self, number: int, block_hash: str) -> bool:
        try:
            return bool(self._local.l1.block(number)["hash"] == block_hash)
        except LookupError:
            return False

    def _is_one_chain(self, blocks: dict[int, str]) -> bool:
        """Tell whether L1 has all these blocks (number and hash) at once.

        From the highest down: a reorganisation between two looks changes the lower one too, or
        comes after all were seen to belong together.
        """
        return all(self._is_canonical(number, blocks[number]) for number in sorted(blocks)[::-1])

    # Forwards

    def _blocks_to_relay(
        self, origin: int, head: Header
    ) -> tuple[list[tuple[Header, list[Deposit]]], dict[int, str]]:
        """Return the L1 blocks to bring to L2 (each one with deposits, and the head), and the
        hashes of all blocks that this was read from.

        The origin itself is among them: its deposits may have been cut off half-way. Live, each
        L2 block has an origin; blocks that bring nothing are passed over here.
        """
        last = int(head["number"], 16)
        logs = self._local.l1(
            "eth_getLogs",
            {
                "address": self._local.portal,
                "topics": [tohex(abi.Portal.TRANSACTION_DEPOSITED.topic)],
                "fromBlock": hex(min(origin, last)),
                "toBlock": hex(last),
            },
        )
        by_block: dict[int, list[Any]] = defaultdict(list)
        read = {last: str(head["hash"])}
        for log in logs:
            by_block[int(log["blockNumber"], 16)].append(log)
            read[int(log["blockNumber"], 16)] = log["blockHash"]
        by_block.setdefault(last, [])
        todo = []
        for number in sorted(by_block):
            deposits = self._missing(deposits_in(by_block[number], self._local.portal))
            if deposits or number > origin:
                header = self._local.l1.block(number)
                todo.append((header, deposits))
                if header["hash"] != read[number]:
                    read[number] = ""  # no block's: it changed between two looks
        return todo, read

    def _missing(self, deposits: list[Deposit]) -> list[Deposit]:
        receipts = (
            self._local.l2.many(
                [("eth_getTransactionReceipt", [tohex(one.hash)]) for one in deposits]
            )
            if deposits
            else []
        )
        return [one for one, receipt in zip(deposits, receipts, strict=True) if receipt is None]

    def _is_overdue(self, header: Header, head: Header) -> bool:
        """Tell whether L2 must take an L1 block although its sequencer is down."""
        age = int(head["timestamp"], 16) - int(header["timestamp"], 16)
        return age >= self._local.profile.sequencing_window

    def _relay(self, header: Header, deposits: list[Deposit]) -> None:
        attributes = attributes_of(header)
        for deposit in (*self._missing([attributes]), *deposits):
            self._include(deposit)
        self.relayed += len(deposits)

    def _include(self, deposit: Deposit) -> None:
        """Put one deposit on L2 and wait for it: anvil keeps only one of a sender's at a time."""
        receipt = self._send(tohex(deposit.encode()))
        if unhex(receipt["transactionHash"]) != deposit.hash:
            raise DevnetError(f"L2 gave deposit {tohex(deposit.hash)} another hash.")

    def _send(self, raw: str) -> Any:
        """Send and wait. Anvil gives a receipt before its pool has forgotten the transaction, and
        may take the same sender's next one for a replacement: that passes at once."""
        for _ in range(POOL_ATTEMPTS):
            try:
                return self._local.l2("eth_sendRawTransactionSync", raw)
            except RpcFailure as failure:
                if "underpriced" not in failure.message:
                    raise
        return self._local.l2("eth_sendRawTransactionSync", raw)

    # Backwards

    def _roll_back(self) -> str:
        """Drop the L2 blocks whose L1 origin is gone; take their users' transactions again."""
        head = self._local.l2.number("eth_blockNumber")
        keep = head
        while keep > self._local.first_l2_block and not self._is_canonical(*self._origin_at(keep)):
            keep -= 1
        dropped = [
            self._local.l2("eth_getBlockByNumber", hex(n), True) for n in range(keep + 1, head + 1)
        ]
        raw = self._users_transactions(dropped)
        try:
            self._local.l2("anvil_rollback", head - keep)
        except RpcFailure as failure:
            raise RollbackTooDeep from failure
        for transaction in raw:
            try:
                self._local.l2("eth_sendRawTransaction", transaction)
            except RpcFailure:
                continue  # it stood on what was dropped
        return f"L1 was reorganised: L2 dropped {head - keep} blocks"

    def _origin_at(self, number: int) -> tuple[int, str]:
        try:
            return self.origin(hex(number))
        except RpcFailure as failure:
            raise RollbackTooDeep from failure

    def _users_transactions(self, blocks: list[Header]) -> list[str]:
        hashes = [
            transaction["hash"]
            for block in blocks
            for transaction in block["transactions"]
            if int(transaction["type"], 16) != 0x7E
        ]
        return (
            self._local.l2.many([("eth_getRawTransactionByHash", [one]) for one in hashes])
            if hashes
            else []
        )


def attributes_of(header: Header) -> Deposit:
    """Return the L1 attributes transaction of an L1 block."""
    return L1Attributes(
        number=int(header["number"], 16),
        timestamp=int(header["timestamp"], 16),
        base_fee=int(header["baseFeePerGas"], 16),
        blob_base_fee=1,
        block_hash=unhex(header["hash"]),
        sequence_number=0,
        batcher=role(Role.BATCHER).address,
    ).as_deposit()
