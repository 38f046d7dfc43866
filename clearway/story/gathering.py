"""Making a story's facts out of what the chains say, once it has been played."""

from collections.abc import Mapping, Sequence
from typing import Any

from clearway.contracts import Told
from clearway.history import Event
from clearway.opstack import abi
from clearway.opstack.errors import RpcNonsense
from clearway.opstack.messages import Withdrawal, tohex, topics_of
from clearway.opstack.reading import find_by_hash
from clearway.opstack.text import amount
from clearway.reports import Report
from clearway.spec import price_words
from clearway.story import reading
from clearway.story.cast import Actor
from clearway.story.facts import Exit, Happening, Person, Story
from clearway.story.plot import Leaving, Plot
from clearway.trading.solvency import solvency

TITLE = "A crash, and everybody's way home"
WHAT = {
    "buy": "buys {size} {market} at {price}",
    "sell": "sells {size} {market} at {price}",
    "liquidated": "is liquidated: {size} {market} at {price}",
}
LANES = price_words.LANES


def gather(plot: Plot) -> Story:
    """Return the whole story; raise if its sums don't come out to the last unit."""
    system, deployment = plot.system, plot.system.deployment
    names = {listed.number: listed.name for listed in deployment.markets}
    paths = prices_of(plot.reports, names)
    by_number = {number: paths[name] for number, name in names.items() if name in paths}
    events = reading.market_events(system)
    whole = solvency(system)
    if not whole.is_whole:
        raise RuntimeError("the market's sums don't come out")
    traders = {actor.name: actor.address for actor in plot.cast if actor is not plot.paula}
    return Story(
        title=TITLE,
        token=deployment.token.symbol,
        decimals=deployment.token.decimals,
        networks={
            "L1": f"chain {deployment.l1_chain_id} with the real OP Stack contracts",
            "L2": f"chain {deployment.l2_chain_id}",
        },
        contracts=dict(deployment.addresses),
        prices={name: path for name, path in paths.items() if name in plot.traded},
        equity=reading.equity_of(events, by_number, traders, system.scale),
        happenings=happenings_of(events, plot.cast, names),
        people=[_person(plot, actor, events) for actor in plot.cast],
        exits=[_exit(plot, leaving) for leaving in plot.exits],
        buckets=dict(whole.buckets),
        held=whole.held,
        fees=reading.fees_of(events),
        gas=reading.gas_of(system, plot.first_blocks),
    )


def prices_of(
    reports: Sequence[Report], names: Mapping[int, str]
) -> dict[str, list[tuple[int, int]]]:
    """Return each market's prices over time: (second, wad)."""
    paths: dict[str, list[tuple[int, int]]] = {}
    for report in reports:
        for word in report.boards:
            for lane in range(LANES):
                number = price_words.time_of(word) * LANES + lane
                if number in names and price_words.is_sound(word, lane):
                    price = price_words.sound_price(word, lane)
                    paths.setdefault(names[number], []).append((report.observed_at, price))
    return paths


def happenings_of(
    events: Sequence[Event], cast: Sequence[Actor], names: Mapping[int, str]
) -> list[Happening]:
    """Return what happened to people's positions."""
    people = {int(actor.address, 16): actor.name for actor in cast}
    found = []
    for event in events:
        values = event.values
        if event.name not in ("OrderFilled", "PositionLiquidated"):
            continue
        side = "buy" if values["size_delta"] > 0 else "sell"
        what = WHAT[side if event.name == "OrderFilled" else "liquidated"]
        market = names[values["market"]]
        words = what.format(
            size=amount(abs(values["size_delta"])), market=market, price=amount(values["price"])
        )
        who = people[values["account"] >> 96]
        found.append(Happening(event.at, who, words, market, values["price"]))
    return found


def _person(plot: Plot, actor: Actor, events: Sequence[Event]) -> Person:
    """Return somebody's money; what can't be explained by events stands as a part of its own."""
    before, after = plot.before[actor.name], actor.holdings()
    scale = plot.system.scale
    difference = (after.token - before.token) * scale
    if actor is plot.paula:
        parts = {"share of the vault's result": difference}
    else:
        account = actor.trader(plot.prices).id
        view = plot.system.lens.call("balance_of", account)
        parts = reading.parts_of(events, account)
        parts["left on L2"] = -view.margin - view.escrow
        parts["unexplained"] = difference - sum(parts.values())
        if not parts["unexplained"]:
            del parts["unexplained"]
    return Person(
        actor.name,
        actor.role,
        actor.address,
        before.token,
        after.token,
        before.eth,
        after.eth,
        parts,
    )


def _exit(plot: Plot, leaving: Leaving) -> Exit:
    """Read the life of one withdrawal from both chains."""
    rollup, l1 = plot.rollup, plot.rollup.l1
    withdrawal = leaving.withdrawal
    _, transaction = find_by_hash(rollup, withdrawal.hash)
    start = rollup.l2.request("eth_getTransactionByHash", tohex(transaction))
    if start is None:
        raise RpcNonsense(f"L2 tells of {tohex(transaction)}, and doesn't know it", "try again")
    portal = rollup.portal
    submitter = l1.call(portal, abi.Portal.SUBMITTER, withdrawal.hash, 0)
    game, proven = l1.call(portal, abi.Portal.PROVEN, withdrawal.hash, submitter)
    claim = _claim_of(plot, leaving)
    return Exit(
        who=leaving.who.name,
        amount=claim.values["amount"],
        forced=int(start["type"], 16) == reading.DEPOSIT_TYPE,
        started=rollup.l2.block(int(start["blockNumber"], 16)).timestamp,
        proven=proven,
        resolved=l1.call(game, abi.Game.RESOLVED_AT),
        finalized=_finalized_at(plot, withdrawal),
        claimed=l1.block(claim.block).timestamp,
    )


def _claim_of(plot: Plot, leaving: Leaving) -> Told:
    gateway, last = plot.system.l1_gateway, plot.rollup.l1.block().number
    claims = gateway.events(plot.first_blocks["L1"], last, "ExitClaimed")
    return next(one for one in claims if one.values["claimant"] == leaving.who.address)


def _finalized_at(plot: Plot, withdrawal: Withdrawal) -> int:
    l1, event = plot.rollup.l1, abi.Portal.WITHDRAWAL_FINALIZED
    logs: list[Any] = l1.logs(plot.rollup.portal, event, plot.first_blocks["L1"], l1.block().number)
    block = next(log["blockNumber"] for log in logs if topics_of(log)[1] == withdrawal.hash)
    return l1.block(int(block, 16)).timestamp
