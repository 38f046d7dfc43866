"""What can go wrong on the bridge. Each error is one sentence of fact and one of advice."""


class BridgeError(Exception):
    """The root of this package's errors.

    `fact` says what was wrong, `advice` what to do about it; both are shown to people.
    """

    def __init__(self, fact: str, advice: str = "") -> None:
        super().__init__()
        self.fact = fact
        self.advise(advice)

    def advise(self, advice: str) -> None:
        """Put a better advice in place of the one it was made with."""
        self.advice = advice
        self.args = (f"{self.fact}: {advice}" if advice else self.fact,)


class BadInput(BridgeError):
    """A value given by the caller can't be used."""


class InsufficientBalance(BridgeError):
    """The account holds less than the action moves or costs."""


class ContractAccount(BridgeError):
    """A contract acts without naming a receiver on the other chain."""


class UnknownTokenPair(BridgeError):
    """The two tokens don't name each other as a pair."""


class WrongChain(BridgeError):
    """The chain behind an RPC is not the one that was meant."""


class RpcUnavailable(BridgeError):
    """The RPC doesn't answer, or too slowly."""


class RpcNonsense(BridgeError):
    """The RPC's answer contradicts itself or the protocol."""


class RpcError(BridgeError):
    """The RPC refused a request with a JSON-RPC error."""

    def __init__(self, chain: str, method: str, code: int, message: str, data: bytes) -> None:
        super().__init__(f"{chain} refused {method}: {message}", "try again, or use another RPC")
        self.code = code
        self.message = message
        self.data = data


class Reverted(RpcError):
    """A contract refused the call; `reason` is its text or its custom error."""

    def __init__(self, chain: str, method: str, code: int, message: str, data: bytes, reason: str):
        super().__init__(chain, method, code, message, data)
        self.reason = reason
        self.fact, self.advice = f"{chain} contract refused: {reason}", ""
        self.args = (self.fact,)


class StateUnavailable(BridgeError):
    """The L2 node no longer has the state that a proof needs."""


class UnsupportedRollup(BridgeError):
    """The rollup's contracts are of a kind that this client can't drive."""


class UnknownTransaction(BridgeError):
    """A transaction, withdrawal or message can't be found where it should be."""


class UnknownWithdrawal(UnknownTransaction):
    """The L2 knows no withdrawal of this hash."""


class TransactionFailed(BridgeError):
    """A transaction was included and reverted, or was replaced by another."""


class TooEarly(BridgeError):
    """The step isn't due yet; the advice says when, in the chain's time."""


class AlreadyDone(BridgeError):
    """The step was done before; there is nothing left to do."""


class Paused(BridgeError):
    """The portal is paused by its guardian."""


class GameRejected(BridgeError):
    """The dispute game is false, lost, blacklisted or no longer respected."""


class WouldFail(BridgeError):
    """Finalizing now would lose the withdrawal: its call on L1 would fail."""


class NotReplayable(BridgeError):
    """The message was relayed, or never failed."""


class JournalError(BridgeError):
    """The file of withdrawals on their way can't be used."""
