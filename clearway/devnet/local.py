"""What the roles share: the two chains behind their private ports, and the bridge between them."""

from dataclasses import dataclass, field

from clearway.devnet.accounts import Role, role
from clearway.devnet.outbox import Outbox
from clearway.devnet.profiles import Profile
from clearway.devnet.rpc import Rpc
from clearway.opstack.abi import Function
from clearway.opstack.addresses import Address
from clearway.opstack.chain import Chain
from clearway.opstack.rollup import Rollup


@dataclass
class Sequencer:
    """What the sequencer of L2 refuses; drills change it."""

    censored: set[str] = field(default_factory=set)  # lower-case addresses
    down: bool = False


@dataclass
class Local:
    """The local pair of chains, as its roles see it. For use in one thread."""

    profile: Profile
    l1: Rpc
    l2: Rpc
    portal: Address
    first_l2_block: int  # roots before it are another L2's (a fork of L1 alone)
    sequencer: Sequencer
    rollup: Rollup = field(init=False)

    def __post_init__(self) -> None:
        l1, l2 = Chain.connect(self.l1.url, "L1"), Chain.connect(self.l2.url, "L2")
        self.rollup = Rollup.connect(l1, l2, self.portal)

    def send(
        self, who: Role, to: Address, function: Function, *arguments: object, value: int = 0
    ) -> None:
        """Have a role send one transaction on L1; raise DevnetError if it fails."""
        outbox = Outbox(self.l1, role(who))
        outbox.call(to, function, *arguments, value=value)
        outbox.send()
