"""How amounts, times and hashes are shown to people."""

import datetime
from collections.abc import Mapping
from decimal import Decimal
from typing import cast

from clearway.opstack import abi
from clearway.opstack.addresses import Address
from clearway.opstack.messages import Message, Withdrawal

SPANS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def duration(seconds: int) -> str:
    """Show a length of time by its two largest parts: "6 d 23 h"."""
    parts, left = [], max(0, seconds)
    for size, name in SPANS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or "0 s"


def moment(timestamp: int) -> str:
    """Show a timestamp of a chain, in UTC."""
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


def l1_token_of(withdrawal: Withdrawal) -> Address | None:
    """Return the L1 token that a withdrawal brings, None if it brings another thing."""
    message = Message.from_calldata(withdrawal.data)
    if message is None or message.data[:4] != abi.Bridge.FINALIZE_TOKEN.selector:
        return None
    return cast(Address, abi.Bridge.FINALIZE_TOKEN.arguments_of(message.data)[0])


def parties(withdrawal: Withdrawal) -> tuple[Address, Address]:
    """Return who sends on L2 and who receives on L1 what a withdrawal brings."""
    message = Message.from_calldata(withdrawal.data)
    if message is None:
        return withdrawal.sender, withdrawal.target
    for function, first in ((abi.Bridge.FINALIZE_ETH, 0), (abi.Bridge.FINALIZE_TOKEN, 2)):
        if message.data[:4] == function.selector:
            sender, receiver = function.arguments_of(message.data)[first : first + 2]
            return sender, receiver
    return message.sender, message.target


def description(withdrawal: Withdrawal, tokens: Mapping[str, tuple[str, int]]) -> str:
    """Say what a withdrawal brings to L1; `tokens` gives (symbol, decimals) by L1 address."""
    message = Message.from_calldata(withdrawal.data)
    if message is None:
        return f"{amount(withdrawal.value)} ETH" if withdrawal.value else "a call"
    inner = message.data
    if inner[:4] == abi.Bridge.FINALIZE_ETH.selector:
        _, _, units, _ = abi.Bridge.FINALIZE_ETH.arguments_of(inner)
        return f"{amount(units)} ETH"
    if inner[:4] == abi.Bridge.FINALIZE_TOKEN.selector:
        l1_token, _, _, _, units, _ = abi.Bridge.FINALIZE_TOKEN.arguments_of(inner)
        if l1_token in tokens:
            symbol, decimals = tokens[l1_token]
            return f"{amount(units, decimals)} {symbol}"
        return f"{units} units of {short(l1_token)}"
    carried = f" with {amount(message.value)} ETH" if message.value else ""
    return f"message to {short(message.target)}{carried}"
