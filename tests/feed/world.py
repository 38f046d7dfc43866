"""A price feed on a chain of its own clock, its publishers, and what they sign."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boa
from eth_abi import decode
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils import keccak

from clearway.reports import Domain, Report, SignedReport
from clearway.spec.quotes import Quote
from tests.storage import slot_of

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"

WAD = 10**18
NOW = 1_800_000_000  # the chain's time when a test begins; the end of a tile of any length
TILE = 5  # seconds
GRACE = 300  # seconds
MAX_AGE = 10
ORDER_WINDOW = 600
DAY = 86_400
ERROR = bytes.fromhex("08c379a0")  # selector of Error(string)
ZERO = "0x" + "00" * 20

HEARTBEAT = 3_600
DEVIATION = 5 * 10**15
LOWEST, HIGHEST = WAD, 10_000 * WAD


def key(seed: str) -> LocalAccount:
    return Account.from_key(keccak(text=seed))


def by_address(keys: Sequence[LocalAccount]) -> list[LocalAccount]:
    return sorted(keys, key=lambda one: int(one.address, 16))


KEYS = by_address([key(f"publisher {number}") for number in range(7)])
STRANGER = key("stranger")


def deployer(path: str) -> Any:
    return boa.load_partial(CONTRACTS / path)


class World:
    """The feed, and who acts on it. Whoever isn't named is a stranger."""

    def __init__(self, publishers: int = 5, quorum: int = 3, **choices: Any) -> None:
        boa.env.timestamp = NOW
        self.owner = boa.env.generate_address("owner")
        self.guardian = boa.env.generate_address("guardian")
        self.keys = KEYS[:publishers]
        self.feed = self.deploy(quorum, **choices)
        self.domain = Domain(boa.env.evm.patch.chain_id, self.feed.address)

    def deploy(
        self, quorum: int, tile: int = TILE, uptime_feed: Any = ZERO, grace: int = GRACE
    ) -> Any:
        signers = [one.address for one in self.keys]
        arguments = (tile, signers, quorum, self.guardian, uptime_feed, grace)
        return deployer("l2/PriceFeed.vy").deploy(*arguments, sender=self.owner)

    # Reports

    def signed(
        self,
        report: Report,
        signers: Sequence[LocalAccount] | None = None,
        publishers: Sequence[str] | None = None,
        domain: Domain | None = None,
    ) -> SignedReport:
        """Return a report signed by `signers`, else by exactly a quorum."""
        if signers is None:
            signers = self.keys[: self.feed.quorum()]
        if publishers is None:
            publishers = self.feed.publishers()
        return SignedReport.by(report, domain or self.domain, publishers, signers)

    def submit(self, report: Report, *arguments: Any, **options: Any) -> None:
        self.feed.submit(*self.signed(report, *arguments, **options).as_arguments())

    # What is so

    def state(self) -> dict[int, int]:
        """Return every word of the feed's that isn't zero, by its slot."""
        return boa.env.evm.words(self.feed.address)

    @contextmanager
    def refused(self, reason: str) -> Iterator[None]:
        """Require that what is done in it reverts for this reason, and changes nothing."""
        before = self.state()
        with boa.reverts(reason):
            yield
        assert self.state() == before

    def round_after(self, *arguments: Any) -> Any:
        """Return what `round_after` does, or the reason why it reverts."""
        function = self.feed.round_after
        data = function.prepare_calldata(*arguments)
        computation = boa.env.execute_code(self.feed.address, data=data)
        if computation.is_success:
            return function(*arguments)
        error, (reason,) = computation.output[:4], decode(["string"], computation.output[4:])
        assert error == ERROR
        return reason

    def newest(self, board: int = 0) -> int:
        return self.feed.newest_board(board)

    def recalled(self, board: int = 0) -> int:
        slot = slot_of(self.feed, "_recalled", key=board)
        return boa.env.get_storage(self.feed.address, slot)


def prices(observed_at: int, by_market: Mapping[int, int]) -> Report:
    """Return a report of whole dollars, each sure to 0.1 %."""
    quotes = {m: Quote(dollars * WAD, WAD // 1_000) for m, dollars in by_market.items()}
    return Report.of(observed_at, quotes)


def aggregator(decimals: int = 8) -> Any:
    return deployer("mocks/MockAggregator.vy").deploy(decimals)


def listing(
    address: Any,
    heartbeat: int = HEARTBEAT,
    deviation: int = DEVIATION,
    lowest: int = LOWEST,
    highest: int = HIGHEST,
) -> tuple[Any, ...]:
    return (address, heartbeat, deviation, lowest, highest)


NO_LISTING = listing(ZERO, 0, 0, 0, 0)
WELL, REVERTS, BURNS_GAS, ANSWERS_MEGABYTE = 1, 2, 4, 8  # MockAggregator's healths
