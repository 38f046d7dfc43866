"""Nobody gains by being liquidated, or by liquidating himself.

As in `test_round_trips`, one owner has five accounts and is his own keeper, and a stranger's
position and the reserve that others filled stand still. But now prices move, so that accounts fall
below maintenance; the owner marks and liquidates them when he likes. What he gains beyond what
prices gave his net size is not above zero, as long as no account is worth less than nothing: then
a loss is left to insurance and vault, which is another matter.
"""

from contextlib import suppress
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearway.spec import premium_math
from clearway.spec.refused import Refused
from clearway.spec.state import Parameters, owner_of
from clearway.spec.wad import WAD
from tests.spec.test_round_trips import OWN, STEADY, Owner
from tests.spec.world import KEEPER, SCHEDULE

BOUNDED = replace(STEADY, schedule=replace(SCHEDULE, premium_cap=4_200 * WAD), max_skew=4_200 * WAD)


@dataclass
class Risky(Owner):
    """An owner whose accounts may be liquidated."""

    parameters: Parameters = BOUNDED
    dollars: int = 10**5
    luck: int = 0  # what prices gave; quote wad

    def move(self, thousandths: int) -> None:
        """Let the price move, if nobody falls deep below maintenance."""
        self.go_to(self.world.price[0] * (1000 + thousandths) // 1000)

    def lever(self, number: int, sign: int) -> None:
        """Open about as much as the margin carries, and take out what is free."""
        margin = self.world.holder(OWN[number]).margin
        self.order(number, sign * (17 * margin // self.world.price[0]) * WAD)
        self.withdraw(number)

    def push(self, number: int, millionths: int) -> None:
        """Let the price move to where an account is just below maintenance, or just not."""
        size = self.world.size(OWN[number])
        if size:
            price = self.world.price[0]
            spare = self.world.market.appraise(self.world.now, OWN[number], {0: price}).spare
            ratio = self.parameters.maintenance_ratio
            slope = size - abs(size) * ratio // WAD
            price -= spare * WAD // slope
            self.go_to(price * (10**6 - (millionths if size > 0 else -millionths)) // 10**6)

    def fall(self, number: int, millionths: int, seconds: int) -> None:
        """Fall below maintenance, let the reward ripen, and be liquidated."""
        self.push(number, millionths)
        self.mark(number)
        self.ripen(seconds)
        self.liquidate(number)

    def go_to(self, price: int) -> None:
        """Move the price; a gap that leaves accounts too little for their premiums is barred.

        Where a penalty and the dearest premium are what maintenance is, even the smallest part
        that a liquidation closes (a fifth, by the buffer) pays all of it down to 1 % below.
        """
        world = self.world
        before, after = world.price[0], price // 10**12 * 10**12
        if after <= 0:
            return
        for account in OWN:
            found = world.market.appraise(world.now, account, {0: after})
            if found.equity < found.maintenance * 99 // 100:
                return
        size = sum(world.size(account) for account in OWN)
        self.luck += (size - self.due_in_coins) * (after - before) // WAD
        world.wait(2, after)

    @property
    def due_in_coins(self) -> int:
        """Return the premium of going back to the stranger's skew, over the price."""
        schedule = self.parameters.schedule
        here, there = self.world.market.markets[0].skew, self.skew
        return premium_math.premium(
            here, there - here, WAD, schedule.skew_scale, schedule.premium_cap
        )

    def mark(self, number: int) -> None:
        self.world.market.mark(self.world.now, OWN[number])

    def ripen(self, seconds: int) -> None:
        self.world.wait(seconds)

    def liquidate(self, number: int, is_own: bool = False) -> None:
        """Be liquidated by oneself; the reward goes to a friend, or to account number 0."""
        keeper = OWN[0] if is_own else KEEPER
        self.world.market.liquidate(self.world.now, owner_of(keeper), OWN[number], 0)


NUMBERS = st.integers(0, 1)
COINS = st.integers(-600, 600).filter(bool).map(lambda coins: coins * WAD)
DEEDS = st.one_of(
    st.tuples(st.just(Risky.order), NUMBERS, COINS),
    st.tuples(st.just(Risky.order), NUMBERS, COINS),
    st.tuples(st.just(Risky.lever), NUMBERS, st.sampled_from([1, -1])),
    st.tuples(st.just(Risky.lever), NUMBERS, st.sampled_from([1, -1])),
    st.tuples(st.just(Risky.meet), st.dictionaries(NUMBERS, COINS, min_size=2)),
    st.tuples(st.just(Risky.reduce), NUMBERS, COINS),
    st.tuples(st.just(Risky.park), NUMBERS, st.integers(1, 10**5)),
    st.tuples(st.just(Risky.withdraw), NUMBERS),
    st.tuples(st.just(Risky.withdraw), NUMBERS),
    st.tuples(st.just(Risky.move), st.integers(-20, 20)),
    st.tuples(st.just(Risky.push), NUMBERS, st.integers(-100, 300)),
    st.tuples(st.just(Risky.push), NUMBERS, st.integers(0, 250)),
    st.tuples(st.just(Risky.fall), NUMBERS, st.integers(1, 250), st.sampled_from([2, 600])),
    st.tuples(st.just(Risky.fall), NUMBERS, st.integers(1, 250), st.sampled_from([2, 600])),
    st.tuples(st.just(Risky.mark), NUMBERS),
    st.tuples(st.just(Risky.ripen), st.sampled_from([2, 600])),
    st.tuples(st.just(Risky.liquidate), NUMBERS, st.booleans()),
    st.tuples(st.just(Risky.liquidate), NUMBERS, st.booleans()),
)


@settings(max_examples=600)
@given(
    skew=st.sampled_from([0, 3_000 * WAD, -3_000 * WAD, 500 * WAD]),
    deeds=st.lists(DEEDS, min_size=2, max_size=12),
)
def test_nobody_gains_by_liquidations(skew, deeds):
    owner = Risky(skew, 10**7 * WAD)
    for act, *given_to in deeds:
        with suppress(Refused):
            act(owner, *given_to)
    owner.close_all()
    # Each move and each premium is rounded.
    assert owner.gain - owner.luck <= 40


def liquidated(times: int, seconds: int, skew: int, parameters: Parameters) -> int:
    """Return what is gained by a way in against the skew and out by so many liquidations."""
    owner = Risky(-skew, 10**7 * WAD, parameters)
    owner.lever(0, 1)
    for _ in range(times):
        owner.fall(0, 1, seconds)
    owner.close_all()
    return owner.gain - owner.luck


@pytest.mark.parametrize("seconds", [2, 600])
def test_each_liquidation_leaves_owner_and_keeper_less_than_closing_by_an_order(seconds):
    """Where closing makes skew, so that its premium is dear, and however ripe the reward."""
    gains = [liquidated(times, seconds, 3_700 * WAD, BOUNDED) for times in range(6)]
    assert gains[0] < 0
    assert gains == sorted(gains, reverse=True)


def test_a_premium_that_maintenance_less_the_penalty_does_not_cover():
    """The bound that a market's parameters must keep, and what happens beyond it.

    The penalty comes first, and a keeper is paid out of it. If then too little is left for the
    premium, an owner does better by his own liquidations than by closing.
    """
    dearer = replace(
        BOUNDED, schedule=replace(SCHEDULE, premium_cap=7_000 * WAD), max_skew=7_000 * WAD
    )
    gains = [liquidated(times, 600, 6_400 * WAD, dearer) for times in range(6)]
    assert gains == sorted(gains)
