"""Numbers of all magnitudes, up to the bounds that contracts/math/wad.vy states."""

from hypothesis import strategies as st

WAD = 10**18
MAX_UINT = 2**256 - 1
MAX_INT = 2**255 - 1
MAX_SIZE = 2**72 * 10**9  # base wad
MAX_PRICE = 10**30  # wad
MAX_NOTIONAL = 10**36  # quote wad
MAX_GROWTH = 57 * 10**21  # of a funding index


def up_to(largest, smallest=0):
    """Return integers with any number of digits; the smallest and the largest come often."""
    digits = st.integers(len(str(smallest)), len(str(largest)))
    by_digits = digits.flatmap(
        lambda count: st.integers(max(smallest, 10 ** (count - 1) - 1), min(largest, 10**count))
    )
    return by_digits | st.integers(smallest, largest) | st.sampled_from([smallest, largest])


def signed(largest):
    return st.builds(lambda sign, size: sign * size, st.sampled_from([1, -1]), up_to(largest))


SIZES = signed(MAX_SIZE)
PRICES = up_to(MAX_PRICE)
RATIOS = up_to(WAD)
SECONDS = up_to(10 * 366 * 86_400)  # ten years


@st.composite
def sizes_and_prices(draw):
    """Return a signed size and a price whose notional is within bounds."""
    price = draw(PRICES)
    largest = MAX_SIZE if price == 0 else min(MAX_SIZE, MAX_NOTIONAL * WAD // price)
    return draw(signed(largest)), price
