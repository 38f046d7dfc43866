"""The market's numbers as people write and read them: sizes, prices, money, ratios.

Sizes, prices and quote money are wads inside, and lie on the order book's grids. What is shown is
rounded to the nearest, for people; nobody computes with it.
"""

from clearway.opstack.errors import BadInput
from clearway.opstack.text import amount
from clearway.spec.positions import SIZE_UNIT
from clearway.spec.state import KEEPER_FEE_UNIT, LIMIT_UNIT, MOST_KEEPER_FEE
from clearway.spec.wad import WAD, mul_div_down, mul_div_up
from clearway.units import parse_amount

WAD_DECIMALS = 18
SIZE_DECIMALS = 9  # SIZE_UNIT
LIMIT_DECIMALS = 10  # LIMIT_UNIT
FEE_DECIMALS = 6  # KEEPER_FEE_UNIT
RATIO_DECIMALS = 16  # of a percentage in a wad
MONEY_DECIMALS = 2
SMALL_DECIMALS = 4  # of what is less than a cent
LEAST_DIGITS = 6  # of a price
ETHER_DIGITS = 6
FEW_DIGITS = 2  # of a small percentage
MOST_LEVERAGE = 1_000 * WAD

# From people


def parse_size(text: str, what: str = "the size") -> int:
    """Return base wad."""
    return parse_amount(text, SIZE_DECIMALS, what) * SIZE_UNIT


def parse_price(text: str, what: str = "the price") -> int:
    """Return a wad that an order's limit may be."""
    return parse_amount(text, LIMIT_DECIMALS, what) * LIMIT_UNIT


def parse_money(text: str, what: str = "the amount") -> int:
    """Return quote wad."""
    return parse_amount(text, WAD_DECIMALS, what)


def parse_keeper_fee(text: str) -> int:
    """Return quote wad, which may be zero; raise `BadInput` above what an order may offer."""
    fee = parse_amount(text, FEE_DECIMALS, "the keeper's fee", allow_zero=True) * KEEPER_FEE_UNIT
    if fee > MOST_KEEPER_FEE:
        raise BadInput(
            f"the keeper's fee {amount(fee)} is too high", f"give at most {amount(MOST_KEEPER_FEE)}"
        )
    return fee


def parse_leverage(text: str) -> int:
    """Return a wad ratio: "10" and "10x" are understood."""
    leverage = parse_amount(text.strip().lower().removesuffix("x"), 4, "the leverage") * 10**14
    if leverage > MOST_LEVERAGE:
        raise BadInput(f"the leverage {text.strip()!r} is absurdly high", "give 10, for example")
    return leverage


def parse_percent(text: str, what: str) -> int:
    """Return a wad ratio: "0.5" and "0.5%" are half a percent; at most 100."""
    percent = text.strip().removesuffix("%").rstrip()
    ratio = parse_amount(percent, RATIO_DECIMALS, what, allow_zero=True)
    if ratio > WAD:
        raise BadInput(f"{what} {text.strip()!r} is more than all", "give 100% or less")
    return ratio


def worse_by(price: int, ratio: int, *, is_buy: bool) -> int:
    """Return a price moved against who trades, on the grid of limits."""
    if is_buy:
        return mul_div_up(price, WAD + ratio, WAD * LIMIT_UNIT) * LIMIT_UNIT
    return max(mul_div_down(price, WAD - ratio, WAD * LIMIT_UNIT), 1) * LIMIT_UNIT


# To people


def money(wad: int, *, signed: bool = False) -> str:
    """Show quote wad to the cent, and what is less by four decimals: "1250.40", "0.0031"."""
    if 0 < abs(wad) < WAD // 10**MONEY_DECIMALS and _rounded(wad, SMALL_DECIMALS):
        shown = amount(_rounded(wad, SMALL_DECIMALS))
    else:
        shown = _fixed(wad, MONEY_DECIMALS)
    return f"+{shown}" if signed and _rounded(wad, SMALL_DECIMALS) > 0 else shown


def exact(wad: int) -> str:
    """Show a wad with all of its digits."""
    return _fixed(wad, WAD_DECIMALS)


def price(wad: int) -> str:
    """Show a price by six digits or to the cent, whatever is more: "2000.00", "0.123457"."""
    if wad == 0:
        return "0"
    return _fixed(wad, max(MONEY_DECIMALS, _decimals_for(wad, LEAST_DIGITS)))


def size(wad: int) -> str:
    """Show base wad by nine decimals at most."""
    return amount(_rounded(wad, SIZE_DECIMALS))


def ether(wei: int) -> str:
    """Show wei by six decimals at most."""
    return amount(_rounded(wei, ETHER_DIGITS))


def percent(wad: int, decimals: int = 2) -> str:
    """Show a wad ratio: "0.06%"; what is smaller than its decimals by its first digits."""
    hundredfold = wad * 100
    if 0 < abs(hundredfold) < WAD // 10**decimals:
        return f"{amount(_rounded(hundredfold, _decimals_for(hundredfold, FEW_DIGITS)))}%"
    return f"{_fixed(hundredfold, decimals)}%"


def daily_rate(wad: int) -> str:
    """Show a share of a day by four decimals of a percent: "0.0312%"; less is told as none."""
    return f"{_fixed(wad * 100, SMALL_DECIMALS)}%"


def leverage(wad: int) -> str:
    """Show a ratio of notional to equity: "9.8x"."""
    return f"{_fixed(wad, 1)}x"


def token(units: int, decimals: int) -> str:
    """Show token units as money."""
    return money(units * 10 ** (WAD_DECIMALS - decimals))


def _fixed(wad: int, decimals: int) -> str:
    """Show a wad with exactly so many decimals."""
    rounded = _rounded(wad, decimals)
    whole, _, fraction = amount(abs(rounded)).partition(".")
    sign = "-" if rounded < 0 else ""
    return f"{sign}{whole}.{fraction.ljust(decimals, '0')}" if decimals else f"{sign}{whole}"


def _rounded(wad: int, decimals: int) -> int:
    """Return a wad with only so many decimals, to the nearest, half away from zero."""
    unit: int = 10 ** max(0, WAD_DECIMALS - decimals)
    rounded = (abs(wad) + unit // 2) // unit * unit
    return rounded if wad >= 0 else -rounded


def _decimals_for(wad: int, digits: int) -> int:
    """Return the decimals with which a wad has so many significant digits, zero at least."""
    return max(0, min(WAD_DECIMALS, digits - (len(str(abs(wad))) - WAD_DECIMALS)))
