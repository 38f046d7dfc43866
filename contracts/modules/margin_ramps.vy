# pragma version ==0.4.3
# pragma evm-version cancun
"""
@title margin_ramps
@license AGPL-3.0-only
@notice Knows how far margin that was tightened has come in.
@dev Each margin moves in a straight line, rounded onto its grid on the laxer side. Bounds between
     them are linear, so they hold on the way between two ends where both hold; what rounding could
     break of them is cut to the laxer side again. So a margin never turns back on its way, and is
     never stricter than its line.
"""

from contracts.math import margin_math
from contracts.modules import parameter_words
from interfaces import IConfiguration
from interfaces import IPerpetualMarket

# With the timelock's two days: who holds a position has five to add margin, or to leave.
RAMP_PERIOD: public(constant(uint256)) = 3 * 86_400  # seconds

_ramps: HashMap[uint256, IConfiguration.Ramp]  # by market


@external
@view
def ramp_of(market: uint256) -> IConfiguration.Ramp:
    """
    @notice The ramp that a market's margins are on; all zero if they are on none.
    """
    return self._ramps[market]


@internal
def _begin(
    market: uint256, present: IPerpetualMarket.Parameters, wished: IPerpetualMarket.Parameters
) -> IPerpetualMarket.Parameters:
    """
    @notice Let in slowly what `wished` tightens, beginning now.
    @param present What the market's margins are at this second.
    @return What may hold at once.
    """
    before: IConfiguration.Margins = self._laxer(self._margins_in(present), self._margins_in(wished))
    after: IConfiguration.Margins = self._margins_in(wished)
    if self._are_same(before, after):
        return wished
    ends_at: uint256 = block.timestamp + RAMP_PERIOD
    self._ramps[market] = IConfiguration.Ramp(before=before, after=after, ends_at=ends_at)
    log IConfiguration.RampBegun(market=market, before=before, after=after, ends_at=ends_at)
    return self._with_margins(wished, before)


@internal
def _end(market: uint256):
    """
    @notice Forget a market's ramp, wherever it is.
    """
    if self._is_ramping(market):
        self._ramps[market] = empty(IConfiguration.Ramp)
        log IConfiguration.RampEnded(market=market)


@internal
@view
def _is_ramping(market: uint256) -> bool:
    return self._ramps[market].ends_at > 0


@internal
@view
def _is_over(market: uint256) -> bool:
    return block.timestamp >= self._ramps[market].ends_at


@internal
@view
def _due(market: uint256, p: IPerpetualMarket.Parameters) -> IPerpetualMarket.Parameters:
    """
    @notice Parameters with their margins as they are at this second.
    """
    if not self._is_ramping(market):
        return p
    return self._with_margins(p, self._margins_at(self._ramps[market], block.timestamp))


@internal
@pure
def _margins_at(ramp: IConfiguration.Ramp, now: uint256) -> IConfiguration.Margins:
    """
    @notice Where margins are on their way at the second `now`.
    """
    initial: uint256 = self._down(
        self._line(ramp.before.initial_ratio, ramp.after.initial_ratio, ramp.ends_at, now)
    )
    maintenance: uint256 = min(
        self._down(
            self._line(ramp.before.maintenance_ratio, ramp.after.maintenance_ratio, ramp.ends_at, now)
        ),
        self._down(3 * initial // 4),
    )
    penalty: uint256 = min(
        self._down(self._line(ramp.before.penalty_ratio, ramp.after.penalty_ratio, ramp.ends_at, now)),
        self._down(maintenance // 2),
    )
    # What both ends leave of maintenance after the penalty, for premium and fee.
    left: uint256 = min(
        ramp.before.maintenance_ratio - ramp.before.penalty_ratio,
        ramp.after.maintenance_ratio - ramp.after.penalty_ratio,
    )
    penalty = min(penalty, maintenance - left)
    return IConfiguration.Margins(
        initial_ratio=initial,
        initial_slope=self._line(
            ramp.before.initial_slope, ramp.after.initial_slope, ramp.ends_at, now
        ),
        maintenance_ratio=maintenance,
        maintenance_slope=self._line(
            ramp.before.maintenance_slope, ramp.after.maintenance_slope, ramp.ends_at, now
        ),
        profit_ratio=self._up(
            self._line(ramp.before.profit_ratio, ramp.after.profit_ratio, ramp.ends_at, now)
        ),
        penalty_ratio=penalty,
    )


@internal
@pure
def _line(before: uint256, after: uint256, ends_at: uint256, now: uint256) -> uint256:
    return margin_math._ramped(before, after, ends_at - RAMP_PERIOD, ends_at, now)


@internal
@pure
def _down(ratio: uint256) -> uint256:
    return ratio - ratio % parameter_words.RATIO_GRID


@internal
@pure
def _up(ratio: uint256) -> uint256:
    return self._down(ratio + parameter_words.RATIO_GRID - 1)


@internal
@pure
def _laxer(
    present: IConfiguration.Margins, wished: IConfiguration.Margins
) -> IConfiguration.Margins:
    """
    @notice Of each margin the laxer of two.
    """
    return IConfiguration.Margins(
        initial_ratio=min(present.initial_ratio, wished.initial_ratio),
        initial_slope=min(present.initial_slope, wished.initial_slope),
        maintenance_ratio=min(present.maintenance_ratio, wished.maintenance_ratio),
        maintenance_slope=min(present.maintenance_slope, wished.maintenance_slope),
        profit_ratio=max(present.profit_ratio, wished.profit_ratio),
        penalty_ratio=min(present.penalty_ratio, wished.penalty_ratio),
    )


@internal
@pure
def _have_same_margins(
    first: IPerpetualMarket.Parameters, second: IPerpetualMarket.Parameters
) -> bool:
    return self._are_same(self._margins_in(first), self._margins_in(second))


@internal
@pure
def _are_same(first: IConfiguration.Margins, second: IConfiguration.Margins) -> bool:
    return keccak256(abi_encode(first)) == keccak256(abi_encode(second))


@internal
@pure
def _margins_in(p: IPerpetualMarket.Parameters) -> IConfiguration.Margins:
    return IConfiguration.Margins(
        initial_ratio=p.initial_ratio,
        initial_slope=p.initial_slope,
        maintenance_ratio=p.maintenance_ratio,
        maintenance_slope=p.maintenance_slope,
        profit_ratio=p.profit_ratio,
        penalty_ratio=p.penalty_ratio,
    )


@internal
@pure
def _with_margins(
    p: IPerpetualMarket.Parameters, margins: IConfiguration.Margins
) -> IPerpetualMarket.Parameters:
    changed: IPerpetualMarket.Parameters = p
    changed.initial_ratio = margins.initial_ratio
    changed.initial_slope = margins.initial_slope
    changed.maintenance_ratio = margins.maintenance_ratio
    changed.maintenance_slope = margins.maintenance_slope
    changed.profit_ratio = margins.profit_ratio
    changed.penalty_ratio = margins.penalty_ratio
    return changed
