"""People's numbers to integers: the only place where text becomes an amount or a length of time.

The way back, integers to text, is `clearway.opstack.text`; what it shows is understood here.
"""

import re

from clearway.opstack.errors import BadInput

ETHER_DECIMALS = 18
LARGEST = 2**128 - 1  # units; no token has more, and nothing that we send may overflow
LONGEST = 100 * 365 * 86_400  # seconds

PLAIN_NUMBER = re.compile(r"([0-9]*)(?:\.([0-9]+))?")
PART = re.compile(r"([0-9]+)\s*([a-z]*)\s*")
SECONDS_IN = {
    "w": 604_800,
    "d": 86_400,
    "h": 3_600,
    "m": 60,
    "min": 60,
    "s": 1,
    "": 1,
}
DURATION_FORMS = "give seconds or parts with units, such as 90s, 3h30m or 7d"


def parse_amount(
    text: str,
    decimals: int = ETHER_DECIMALS,
    what: str = "the amount",
    *,
    allow_zero: bool = False,
) -> int:
    """Return `text` in the smallest unit: "1.5" with 6 decimals is 1500000.

    Raises `BadInput` for anything but a plain decimal number that is exact in that unit.
    """
    stripped = text.strip()
    advice = "give a plain number, such as 1.5"
    if stripped.startswith("-"):
        raise BadInput(f"{what} {_quoted(text)} is negative", advice)
    match = PLAIN_NUMBER.fullmatch(stripped)
    if match is None or not stripped:
        raise BadInput(
            f"{what} {_quoted(text)} is not a plain number", _advice_on(stripped) or advice
        )
    whole, fraction = match[1].lstrip("0"), (match[2] or "").rstrip("0")
    if len(fraction) > decimals:
        raise BadInput(
            f"{what} {_quoted(text)} has {len(fraction)} decimals",
            f"give at most {decimals}" if decimals else "give a whole number",
        )
    too_many_digits = len(whole) + decimals > len(str(LARGEST))
    units = 0 if too_many_digits else int((whole + fraction.ljust(decimals, "0")) or "0")
    if too_many_digits or units > LARGEST:
        raise BadInput(f"{what} {_quoted(text)} is absurdly large", "check its digits")
    if units == 0 and not allow_zero:
        raise BadInput(f"{what} is zero", "give more than nothing")
    return units


def _advice_on(text: str) -> str:
    """Name what is wrong with a number that people write elsewhere."""
    if re.fullmatch(r"[0-9.]+[eE][+-]?[0-9]+", text):
        return "write it without an exponent, such as 0.000001"
    if re.fullmatch(r"[0-9_,' ]+(\.[0-9]+)?", text):
        return "write it without separators, such as 1500.5"
    if re.fullmatch(r"[0-9.]+\s*[A-Za-z]+", text):
        return "leave its unit out, such as 1.5"
    return ""


def parse_duration(text: str, what: str = "the time", *, allow_zero: bool = False) -> int:
    """Return seconds: "7d", "3h30m", "90s", "12" and "6 d 23 h" are understood."""
    seconds = _sum_of_parts(text.strip().lower())
    if seconds is None:
        raise BadInput(f"{what} {_quoted(text)} is not a length of time", DURATION_FORMS)
    if seconds > LONGEST:
        raise BadInput(f"{what} {_quoted(text)} is absurdly long", "give less than 100 years")
    if seconds == 0 and not allow_zero:
        raise BadInput(f"{what} is zero", DURATION_FORMS)
    return seconds


def _sum_of_parts(text: str) -> int | None:
    """Return the seconds in parts that come largest first, each unit once; None if they don't."""
    position, total, last_size = 0, 0, 0
    while position < len(text):
        part = PART.match(text, position)
        if part is None or part[2] not in SECONDS_IN or len(part[1]) > 12:
            return None
        size = SECONDS_IN[part[2]]
        is_bare_after_others = part[2] == "" and position > 0
        if is_bare_after_others or (last_size and size >= last_size):
            return None
        total, last_size, position = total + int(part[1]) * size, size, part.end()
        if part[2] == "" and position < len(text):
            return None
    return total if position else None


def parse_count(text: str, what: str, largest: int) -> int:
    """Return a whole number from 1 to `largest`, such as an amount of gas."""
    stripped = text.strip()
    if not re.fullmatch(r"[0-9]{1,30}", stripped) or not 0 < int(stripped) <= largest:
        raise BadInput(
            f"{what} {_quoted(text)} can't be used", f"give a whole number from 1 to {largest}"
        )
    return int(stripped)


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:37]}...")
