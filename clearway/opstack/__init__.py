"""A client for OP Stack bridges: deposits in, withdrawals out through their challenge delays.

    l1, l2 = Chain.connect(L1_RPC, "L1"), Chain.connect(L2_RPC, "L2")
    rollup = Rollup.connect(l1, l2, PORTAL)
    journal = Journal.for_rollup(rollup, Path(".clearway"))

    Deposits(rollup, Sender(l1, account, journal)).eth(10**18)
    Starter(rollup, Sender(l2, account, journal)).eth(10**18)
    Driver(rollup, Sender(l1, account, journal), journal).drive()

Needs nothing of the rest of Clearway, and no Ape. Amounts are wei or token units, times are
seconds of the chain's own clock. Every error is a `BridgeError` of one sentence and its advice.
"""

from clearway.opstack.chain import Chain
from clearway.opstack.deposits import Arrivals, Deposits
from clearway.opstack.driver import Driver
from clearway.opstack.errors import BridgeError
from clearway.opstack.forced import ForcedStarter
from clearway.opstack.journal import Journal
from clearway.opstack.messages import Deposit, Message, OutputProof, Withdrawal
from clearway.opstack.replay import replay
from clearway.opstack.rollup import Rollup
from clearway.opstack.sender import Sender, Signer
from clearway.opstack.starting import Starter
from clearway.opstack.tokens import Tokens
from clearway.opstack.tracking import Report, Tracker
from clearway.opstack.withdrawals import Status

__all__ = [
    "Arrivals",
    "BridgeError",
    "Chain",
    "Deposit",
    "Deposits",
    "Driver",
    "ForcedStarter",
    "Journal",
    "Message",
    "OutputProof",
    "Report",
    "Rollup",
    "Sender",
    "Signer",
    "Starter",
    "Status",
    "Tokens",
    "Tracker",
    "Withdrawal",
    "replay",
]
