"""How amounts, times and hashes are shown to people."""

import datetime
import difflib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Any

from clearway.opstack import abi
from clearway.opstack.abi import Function
from clearway.opstack.addresses import L2_BRIDGE, L2_MESSENGER, Address
from clearway.opstack.messages import Message, Withdrawal

SPANS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
END_OF_TIME = 253_402_300_800  # 10000-01-01


def duration(seconds: int) -> str:
    """Show a length of time by its two largest parts: "6 d 23 h"."""
    parts, left = [], max(0, seconds)
    for size, name in SPANS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or "0 s"


def moment(timestamp: int) -> str:
    """Show a timestamp of a chain, in UTC; one after the year 9999 is never."""
    if timestamp >= END_OF_TIME:
        return "never"
    when = datetime.datetime.fromtimestamp(timestamp, datetime.UTC)
    return when.strftime("%Y-%m-%d %H:%M:%S UTC")


def amount(units: int, decimals: int = 18) -> str:
    """Show token units exactly, without an exponent: "0.5"."""
    sign, digits, _ = Decimal(units).as_tuple()
    text = f"{Decimal((sign, digits, -decimals)):f}"  # exact: arithmetic would round to 28 digits
    return text.rstrip("0").rstrip(".") if "." in text else text


def short(hash_or_address: str) -> str:
    """Show the ends of a long hex string."""
    return f"{hash_or_address[:8]}…{hash_or_address[-4:]}"


def choices(wrong: str, names: Iterable[str]) -> str:
    """Say which names there are, the one first that was probably meant by a wrong one."""
    known = list(names)
    close = difflib.get_close_matches(wrong, known, n=1)
    meant = f"did you mean {close[0]}? " if close else ""
    return f"{meant}there are {', '.join(known)}"


def l1_token_of(withdrawal: Withdrawal) -> Address | None:
    """Return the L1 token that a withdrawal brings, None if it brings another thing."""
    function, arguments = _transfer(withdrawal)
    return arguments[0] if function is abi.Bridge.FINALIZE_TOKEN else None


def parties(withdrawal: Withdrawal) -> tuple[Address, Address]:
    """Return who sends on L2 and who receives on L1 what a withdrawal brings."""
    function, arguments = _transfer(withdrawal)
    if function is abi.Bridge.FINALIZE_ETH:
        return arguments[0], arguments[1]
    if function is abi.Bridge.FINALIZE_TOKEN:
        return arguments[2], arguments[3]
    if message := _message(withdrawal):
        return message.sender, message.target
    return withdrawal.sender, withdrawal.target


def description(withdrawal: Withdrawal, tokens: Mapping[str, tuple[str, int]]) -> str:
    """Say what a withdrawal brings to L1; `tokens` gives (symbol, decimals) by L1 address."""
    function, arguments = _transfer(withdrawal)
    if function is abi.Bridge.FINALIZE_ETH:
        return f"{amount(arguments[2])} ETH"
    if function is abi.Bridge.FINALIZE_TOKEN:
        l1_token, units = arguments[0], arguments[4]
        if l1_token in tokens:
            symbol, decimals = tokens[l1_token]
            return f"{amount(units, decimals)} {symbol}"
        return f"{units} units of {short(l1_token)}"
    if message := _message(withdrawal):
        carried = f" with {amount(message.value)} ETH" if message.value else ""
        return f"message to {short(message.target)}{carried}"
    return f"{amount(withdrawal.value)} ETH" if withdrawal.value else "a call"


def _message(withdrawal: Withdrawal) -> Message | None:
    """Return the message in a withdrawal of the messenger, who alone is believed."""
    is_messengers = withdrawal.sender == L2_MESSENGER
    return Message.from_calldata(withdrawal.data) if is_messengers else None


def _transfer(withdrawal: Withdrawal) -> tuple[Function | None, tuple[Any, ...]]:
    """Return the call in a message of the bridge, who alone is believed, and its arguments."""
    message = _message(withdrawal)
    if message and message.sender == L2_BRIDGE:
        for function in (abi.Bridge.FINALIZE_ETH, abi.Bridge.FINALIZE_TOKEN):
            with suppress(Exception):  # eth_abi has many kinds
                return function, function.arguments_of(message.data)
    return None, ()
