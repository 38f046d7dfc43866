"""A quote is what really happens if the order is placed and filled alone at that price."""

import copy

import boa

from clearway.spec import price_words
from tests.market.test_walk import ACTORS, KEEPER, Walk, take, three_markets
from tests.market.world import WAD

SEEDS = range(300, 306)
STEPS = 25
AFTER = ("equity", "backing", "initial", "maintenance", "free")


class QuotedWalk(Walk):
    """A walk in which, after each step, somebody asks for a quote and takes it."""

    def step(self) -> None:
        super().step()
        self.take_a_quote()

    def take_a_quote(self) -> None:
        world, contracts = self.world, self.world.contracts
        actor, market = self.chance.choice(ACTORS), self.chance.choice([0, 1, 4])
        account, slot = world.account(actor), self.free_slot(actor)
        if slot in world.model.accounts[account].orders:
            return
        world.wait(2 + world.now % 2)  # to the end of a tile that has no prices yet
        world.report(self.prices)
        if price_words.time_of(world.model.feed.newest[market // 4]) != world.now:
            return  # a report from ahead of the clock is stored
        size = self.size(actor, market, self.prices[market])
        wish = (self.chance.random() < 0.3, self.chance.choice([0, 10**17, 3 * WAD, 100 * WAD]))

        # What will be in two seconds, if nothing happens.
        model, now = copy.deepcopy(world.model), world.now
        with boa.env.anchor():
            world.wait(2)
            world.report(self.prices)
            try:
                quoted = contracts.quotes.quote(account, market, size, *wish)
            except boa.BoaError:
                self.seen["none"] += 1
                quoted = None
        world.model, boa.env.timestamp = model, now
        if quoted is None or quoted.price != self.prices[market]:
            return
        self.seen[f"quoted: {quoted.reason}"] += 1

        limit = quoted.limit_price or self.prices[market]
        refusal = world.place(actor, slot, market, size, limit, *wish)
        if refusal:
            assert refusal == quoted.reason or quoted.size_delta == 0
            return
        if quoted.size_delta:
            assert contracts.orders.order_in(account, slot).escrow == quoted.escrow
        world.wait(2)
        world.report(self.prices)
        earned = contracts.lens.balance_of(world.account(KEEPER)).margin
        ends, refusal = world.execute(KEEPER, market, [(actor, slot)])
        assert refusal is None
        assert ends == ["stays" if quoted.reason == quoted.unpriced != "" else quoted.reason]
        if quoted.reason:
            return
        told = [log for log in contracts.orders.get_logs() if type(log).__name__ == "OrderFilled"]
        assert [(log.size_delta, log.fee, log.premium, log.result) for log in told] == [
            (quoted.size_delta, quoted.fee, quoted.premium, quoted.result)
        ]
        assert quoted.fee <= quoted.most_fee
        assert quoted.premium <= quoted.most_premium
        earned = contracts.lens.balance_of(world.account(KEEPER)).margin - earned
        assert earned == quoted.keeper_fee
        position = contracts.lens.position_of(account, market)
        assert (position.size, position.cost) == (quoted.size, quoted.cost)
        shown = contracts.lens.account(account)
        assert shown.margin == quoted.margin
        if shown.reason == "" and shown.priced_at in (0, quoted.priced_at):
            names = AFTER if shown.positions else AFTER[:-1]
            for name in names:
                assert getattr(shown, name) == getattr(quoted, name), name
            self.seen["compared after"] += 1


def test_taken_at_once_is_what_happens(contracts):
    seen = take(QuotedWalk, lambda: three_markets(contracts), SEEDS, STEPS)
    assert {"quoted: ", "quoted: insufficient margin"} <= set(seen), seen
    assert seen["compared after"] > 5, seen
