"""At one price, nobody who begins and ends flat has more than before, whatever he does between.

One owner has five accounts and is his own keeper; a stranger's position and the reserve that others
filled stand still. Time costs nothing here, for a lighter side earns funding by design. The cap of
the potential over its scale is below the initial ratio less fees, so that margin always suffices
for a premium; see `test_a_premium_that_margin_may_not_cover`.
"""

from contextlib import suppress
from dataclasses import dataclass, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from clearway.spec.positions import MONEY_UNIT
from clearway.spec.refused import Refused
from clearway.spec.state import Parameters, account_of
from clearway.spec.wad import WAD
from tests.spec.world import (
    DEAREST,
    KEEPER,
    PARAMETERS,
    POOL,
    SCHEDULE,
    UNIT,
    Wish,
    World,
    closing,
)

STEADY = replace(
    PARAMETERS,
    schedule=replace(SCHEDULE, premium_cap=13_500 * WAD),
    max_velocity=0,
    funding_cap=0,
    initial_slope=0,
    maintenance_slope=0,
)
OWN = [account_of(7, number) for number in range(5)]
STRANGER = account_of(8)
PER_ACCOUNT = 10**7  # dollars
COINS = st.integers(-12_000, 12_000).filter(bool).map(lambda coins: coins * WAD)
NUMBERS = st.integers(0, 4)


@dataclass
class Owner:
    """Somebody with five accounts, in a market where a stranger has a skew of his own."""

    skew: int
    reserve: int
    parameters: Parameters = STEADY
    dollars: int = PER_ACCOUNT
    taken: int = 0

    def __post_init__(self) -> None:
        """Let the stranger in first, and give the reserve some of the vault's money."""
        self.world = World(100_000_000, (0,), self.parameters)
        self.world.market.pool = replace(POOL, rate_at_kink=0, rate_at_full=0)
        self.world.deposit(STRANGER, 10**8)
        if self.skew:
            assert self.world.fill(Wish(STRANGER, self.skew)) == [""]
        self.world.market.markets[0].impact_reserve += self.reserve
        self.world.market.cash -= self.reserve
        for account in OWN:
            self.world.deposit(account, self.dollars)
        self.brought = 5 * self.dollars * UNIT * self.world.market.scale

    def order(self, number: int, size: int, fee: int = 0) -> None:
        """Trade alone."""
        self.world.fill(Wish(OWN[number], size, keeper_fee=fee * WAD, slot=1))

    def meet(self, orders: dict[int, int]) -> None:
        """Trade in one batch, reductions and increases together."""
        self.world.fill(*(Wish(OWN[number], size, slot=2) for number, size in orders.items()))

    def reduce(self, number: int, size: int) -> None:
        """Reduce, alone."""
        self.world.fill(Wish(OWN[number], size, is_reduce_only=True, slot=3))

    def fail(self, number: int, size: int) -> None:
        """Place what can't be filled."""
        limit = 1 if size > 0 else DEAREST
        self.world.fill(Wish(OWN[number], size, limit, slot=4))

    def park(self, number: int, limit: int) -> None:
        """Put money into a small order that nobody executes."""
        self.world.place(Wish(OWN[number], WAD // 1000, limit * 10**6 * WAD, slot=5))

    def clear(self) -> None:
        """Wait until every order has ended, and clear it."""
        self.world.wait(86_402)
        for account in OWN:
            for slot in list(self.world.holder(account).orders):
                self.world.market.clear(self.world.now, account, slot)

    def withdraw(self, number: int) -> None:
        """Take out all that may leave."""
        self.taken += self.world.withdraw_all(OWN[number])

    def close_all(self) -> None:
        """Become flat, one account after the other."""
        self.clear()
        for account in OWN:
            if size := self.world.size(account):
                assert self.world.fill(closing(account, -size)) == [""]
        self.clear()

    @property
    def gain(self) -> int:
        return self.world.money(*OWN, KEEPER) + self.taken - self.brought


DEEDS = st.one_of(
    st.tuples(st.just(Owner.order), NUMBERS, COINS),
    st.tuples(st.just(Owner.order), NUMBERS, COINS, st.integers(0, 100)),
    st.tuples(st.just(Owner.meet), st.dictionaries(NUMBERS, COINS, min_size=2)),
    st.tuples(st.just(Owner.meet), st.dictionaries(NUMBERS, COINS, min_size=2)),
    st.tuples(st.just(Owner.reduce), NUMBERS, COINS),
    st.tuples(st.just(Owner.fail), NUMBERS, COINS),
    st.tuples(st.just(Owner.park), NUMBERS, st.integers(1, 10**5)),
    st.tuples(st.just(Owner.clear)),
    st.tuples(st.just(Owner.withdraw), NUMBERS),
)


@settings(max_examples=200)
@given(
    skew=st.sampled_from([0, 9_000 * WAD, -9_000 * WAD, 1_000 * WAD]),
    reserve=st.sampled_from([0, 10**6 * WAD, 10**7 * WAD]),
    deeds=st.lists(DEEDS, min_size=2, max_size=12),
)
def test_nobody_gains_by_a_way_that_ends_where_it_began(skew, reserve, deeds):
    owner = Owner(skew, reserve)
    for act, *given_to in deeds:
        with suppress(Refused):
            act(owner, *given_to)
    owner.close_all()
    assert owner.gain <= 0


def test_a_premium_comes_back_whole_and_only_the_fees_are_lost():
    owner = Owner(skew=0, reserve=0)
    owner.order(0, 9_000 * WAD)
    owner.close_all()
    fees = 9_000 * 3000 * (6 + 2) * WAD // 10**4
    assert owner.gain == -fees


def test_nothing_comes_back_beyond_what_the_reserve_holds():
    """Whoever lowers a skew that others made earns from the reserve, and no more than it has."""
    owner = Owner(skew=9_000 * WAD, reserve=0)
    state = owner.world.market.markets[0]
    held = state.impact_reserve
    owner.order(0, -9_000 * WAD)
    state = owner.world.market.markets[0]
    assert state.impact_reserve == 0
    assert owner.gain == held - 9_000 * 3000 * 2 * WAD // 10**4


def test_many_orders_never_pay_less_than_one():
    whole, parts = Owner(skew=-1_000 * WAD, reserve=0), Owner(skew=-1_000 * WAD, reserve=0)
    whole.order(0, 7_000 * WAD)
    for _ in range(7):
        parts.order(0, 1_000 * WAD)
    assert parts.world.size(OWN[0]) == whole.world.size(OWN[0])
    assert parts.gain <= whole.gain
    # Exactly they pay the same: each fee is rounded up by less than a unit, each premium by less
    # than a step of its grid, rebates included.
    assert whole.gain - parts.gain < (1 + MONEY_UNIT) * 7


def test_a_premium_that_margin_may_not_cover():
    """The bound that a market's parameters must keep, and what happens beyond it.

    At a cap of a third of the scale a close that makes skew may cost far more than the initial
    margin. What the margin can't pay is not paid; the opposite account is then paid out of what
    others had put into the reserve, and never out of anything else.
    """
    owner = Owner(9_000 * WAD, 0, replace(STEADY, schedule=SCHEDULE))
    before = owner.world.market.buckets()
    for _ in range(3):
        owner.meet({0: 11_000 * WAD, 1: -11_000 * WAD})
    assert owner.world.size(OWN[0]) == 33_000 * WAD
    owner.withdraw(0)
    owner.withdraw(1)
    owner.reduce(1, 33_000 * WAD)
    owner.close_all()
    after = owner.world.market.buckets()
    assert 0 < owner.gain <= before["impact reserves"]
    assert after["vault cash"] >= before["vault cash"]
    assert after["insurance"] >= before["insurance"]
