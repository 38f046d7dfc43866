"""One of those who agree on prices and sign them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import click

from clearway.keeper.agreement import TOLERANCE
from clearway.keeper.commands import alone, keeper_folder, run_keeper
from clearway.keeper.memory import Memory
from clearway.keeper.publisher import Publisher
from clearway.keeper.publishing import Publishing, committee_of
from clearway.keeper.running import Stop
from clearway.keeper.screen import Screen
from clearway.keeper.signing import report_signer
from clearway.keeper.sources import Aggregators, History, Noisy, Source, Walk
from clearway.opstack.addresses import parse_address
from clearway.opstack.chain import Chain
from clearway.opstack.errors import BadInput
from clearway.shell.commands import Session, connected, example
from clearway.spec.price_words import BASIS_POINT
from clearway.units import parse_amount, parse_count

FIRST_PRICES = ("ETH=2000", "BTC=60000", "SOL=150")
ROUND_AGE = 90_000  # seconds: the heartbeat of a day, and an hour
MOST_BPS = 1_000
LAST_PORT = 65_535
LAST_SECOND = 2**32 - 1

SOURCE_OPTIONS = (
    click.option(
        "--prices",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Play a table of prices: columns seconds, ETH, BTC, …",
    ),
    click.option(
        "--walk", metavar="SEED", help="Play a random walk; all publishers need the same seed."
    ),
    click.option(
        "--first",
        "firsts",
        multiple=True,
        metavar="ETH=2000",
        default=FIRST_PRICES,
        help="With --walk: where a market begins; repeat.",
    ),
    click.option(
        "--aggregator",
        "aggregators",
        multiple=True,
        metavar="ETH=0x…",
        help="Read an aggregator elsewhere; repeat.",
    ),
    click.option(
        "--source-rpc", metavar="URL", help="With --aggregator: the node to read it from."
    ),
    click.option(
        "--start",
        metavar="SECONDS",
        help="The chain's time at which what is played begins. [default: the deployment's]",
    ),
    click.option("--noise", metavar="BPS", help="See each price off by up to so much."),
)


@dataclass(frozen=True)
class Wanted:
    """Where prices are to come from, as it was typed."""

    prices: Path | None
    walk: str | None
    firsts: Sequence[str]
    aggregators: Sequence[str]
    source_rpc: str | None
    start: str | None
    noise: str | None

    def source(self, session: Session) -> Source:
        """Return the one source that was named."""
        named = [self.prices is not None, self.walk is not None, bool(self.aggregators)]
        if sum(named) != 1:
            raise BadInput(
                "a publisher needs one source of prices",
                "give --prices FILE, --walk SEED, or --aggregator ETH=0x… with --source-rpc URL",
            )
        source = self._plain(session)
        if self.noise is None:
            return source
        share = parse_count(self.noise, "--noise", MOST_BPS) / 10_000
        return Noisy(source, session.account, share)

    def _plain(self, session: Session) -> Source:
        deployment = session.deployment
        if self.aggregators:
            if self.source_rpc is None:
                raise BadInput("no node is given to read aggregators from", "give --source-rpc URL")
            feeds = {
                market: parse_address(address, "an aggregator")
                for market, address in _by_market(session, self.aggregators, "--aggregator").items()
            }
            return Aggregators(Chain.connect(self.source_rpc, "source"), feeds, ROUND_AGE)
        start = self._begins(session)
        if self.prices:
            names = {listed.name: listed.number for listed in deployment.markets}
            return History.from_csv(self.prices, names, start)
        firsts = _by_market(session, (*FIRST_PRICES, *self.firsts), "--first")
        listed = {one.number for one in deployment.markets}
        return Walk(
            str(self.walk),
            start,
            {
                market: parse_amount(price, what="a first price")
                for market, price in firsts.items()
                if market in listed
            },
        )

    def _begins(self, session: Session) -> int:
        if self.start is not None:
            return parse_count(self.start, "--start", LAST_SECOND)
        return session.rollup.l2.block(session.deployment.l2_block).timestamp


def _by_market(session: Session, pairs: Sequence[str], option: str) -> dict[int, str]:
    """Read "ETH=…" pairs; a later one of a market counts."""
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise BadInput(f"{option} {pair!r} names no market", f"give {option} ETH=…")
        if pair in FIRST_PRICES and name not in {one.name for one in session.deployment.markets}:
            continue
        found[session.deployment.market(name).number] = value
    return found


@click.command("publisher", epilog=example("ape run keeper publisher --account 5 --walk 1"))
@click.option(
    "--tolerance",
    metavar="BPS",
    help="How far from its own price a price may be that it signs. [default: 50]",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="Where its board listens.",
)
@click.option("--port", metavar="PORT", help="And at which port. [default: the deployment's]")
@click.option(
    "--board",
    "boards",
    multiple=True,
    metavar="URL",
    help="The other publishers' boards; repeat. [default: the deployment's]",
)
@connected(account=True)
def cli(
    session: Session,
    tolerance: str | None,
    host: str,
    port: str | None,
    boards: tuple[str, ...],
    **wanted: object,
) -> None:
    """Agree with the other publishers on prices, and co-sign them.

    It sends no transaction and needs no ETH: whoever needs a report fetches it from a publisher's
    board. What it signed is on disk before anybody sees it, so that it never signs two reports of
    the same second.
    """
    source = Wanted(**wanted).source(session)  # type: ignore[arg-type]
    deployment, feed = session.deployment, session.system.feed
    near = parse_count(tolerance, "--tolerance", MOST_BPS) * BASIS_POINT if tolerance else TOLERANCE
    memory = Memory(keeper_folder(session, "publisher") / "signed.sqlite")
    signer = report_signer(session.unlocked_signer)
    publisher = Publisher(committee_of(feed), signer, source, memory, near)
    listens_at = _port(session, publisher.place, port)
    others = boards or [url for url in deployment.boards if urlsplit(url).port != listens_at]
    names = {listed.number: listed.name for listed in deployment.markets}

    async def work(screen: Screen, stop: Stop) -> None:
        screen.say(f"publisher {publisher.address}, board at {host}:{listens_at}")
        await Publishing(publisher, feed, others, names, screen).run(stop, host, listens_at)

    run_keeper(f"Clearway publisher on {session.network.name}", work)


for option in reversed(SOURCE_OPTIONS):
    cli = option(cli)


def _port(session: Session, place: int, given: str | None) -> int:
    """Return the port of this publisher's board: of the deployment's boards, in their order."""
    if given is not None:
        return parse_count(given, "--port", LAST_PORT)
    boards = session.deployment.boards
    found = urlsplit(boards[place]).port if place < len(boards) else None
    if found is None:
        raise BadInput("the deployment names no port for this board", "give --port")
    return found


if __name__ == "__main__":
    alone(cli)
