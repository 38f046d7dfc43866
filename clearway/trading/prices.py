"""Prices that nobody has put on chain yet.

A report is brought by whoever needs it, so the newest price on chain may be old while the
publishers' boards have one of this second. A view is asked as if that were there; whoever acts
brings it himself.
"""

from typing import Any, Protocol

from clearway.contracts import Contract
from clearway.deployments import System
from clearway.opstack.addresses import Address
from clearway.opstack.chain import BlockId
from clearway.opstack.effects import Progress, purpose_of, silent
from clearway.opstack.errors import BridgeError
from clearway.opstack.messages import unhex
from clearway.opstack.sender import Sender
from clearway.reports import SignedReport

YOUNG = 4  # seconds: half of what a fresh price may be old, so that it is still one when included


class Reports(Protocol):
    """Where reports are found: the publishers' boards."""

    def report(self, observed_at: int) -> SignedReport | None:
        """Return the report of a tile, None if there is none (yet)."""

    def latest(self) -> SignedReport | None:
        """Return the newest report, None if there is none."""


class NoReports:
    """No board at all: what is on chain must do."""

    def report(self, observed_at: int) -> SignedReport | None:
        """Return nothing."""

    def latest(self) -> SignedReport | None:
        """Return nothing."""


class Prices:
    """The newest prices, on chain or on a board."""

    def __init__(self, system: System, reports: Reports) -> None:
        self.system = system
        self.reports = reports
        self.trouble: BridgeError | None = None  # why the boards gave nothing, the last time

    def ask(
        self, contract: Contract, function: str, *arguments: Any, block: BlockId = "latest"
    ) -> Any:
        """Call a view as if the newest report were on chain."""
        newest = self._latest()
        if newest is None:
            return contract.call(function, *arguments, block=block)
        method = contract.interface.method(function, len(arguments))
        submission = self.system.feed.encode("submit", *newest.as_arguments())
        code = one_after_another(
            (self.system.feed.address, submission), (contract.address, method.encode(*arguments))
        )
        answer = contract.chain.run(code, block)
        return contract.chain.decoded(contract.address, method, answer)

    def _latest(self) -> SignedReport | None:
        self.trouble = None
        try:
            return self.reports.latest()
        except BridgeError as error:
            self.trouble = error
            return None

    def bring(self, sender: Sender, progress: Progress = silent) -> None:
        """Put the newest report on chain, unless a young one is there already.

        Does nothing where no board has any; whatever needs a price then says so itself.
        """
        newest = self._latest()
        stored_at = max(self._stored_at(board) for board in self._boards())
        if newest is None or newest.report.observed_at <= stored_at + YOUNG:
            return
        progress("bringing the newest prices on chain")
        purpose = purpose_of("report", newest.report.observed_at)
        sender.run(self.system.feed.transaction(purpose, "submit", *newest.as_arguments()))
        sender.report(purpose)

    def _boards(self) -> set[int]:
        return {listed.number // 4 for listed in self.system.deployment.markets}

    def _stored_at(self, board: int) -> int:
        return int(self.system.feed.call("newest_board", board)) & (2**32 - 1)


def one_after_another(first: tuple[Address, bytes], second: tuple[Address, bytes]) -> bytes:
    """Return code that makes two calls and answers as the second does, whatever the first does.

    As the code of a contract's creation it runs in an `eth_call` to nobody: the node needs no
    contract, and nothing is left of either call.
    """
    calls = (first, second)
    size = len(_program(calls, 0))
    return _program(calls, size) + b"".join(data for _, data in calls)


def _program(calls: tuple[tuple[Address, bytes], ...], size: int) -> bytes:
    """Assemble the calls whose calldata lies behind a program of `size` bytes."""
    code = b""
    offset = size
    for to, data in calls:
        length = _push3(len(data))
        code += length + _push3(offset) + PUSH0 + CODECOPY
        code += PUSH0 + PUSH0 + length + PUSH0 + PUSH0 + PUSH20 + unhex(to) + GAS + CALL
        offset += len(data)
    # The second call's success lies above the first's. Its answer is returned, or reverted with.
    code += RETURNDATASIZE + PUSH0 + PUSH0 + RETURNDATACOPY
    target = len(code) + 3 + 1 + 3  # behind the push, the jump and the revert
    code += PUSH2 + target.to_bytes(2, "big") + JUMPI + RETURNDATASIZE + PUSH0 + REVERT
    return code + JUMPDEST + RETURNDATASIZE + PUSH0 + RETURN


def _push3(number: int) -> bytes:
    return b"\x62" + number.to_bytes(3, "big")


CODECOPY, RETURNDATASIZE, RETURNDATACOPY = b"\x39", b"\x3d", b"\x3e"
JUMPI, GAS, JUMPDEST, PUSH0, PUSH2, PUSH20 = b"\x57", b"\x5a", b"\x5b", b"\x5f", b"\x61", b"\x73"
CALL, RETURN, REVERT = b"\xf1", b"\xf3", b"\xfd"
