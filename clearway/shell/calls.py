"""Calls and hashes as people type them."""

import json
import re
from collections.abc import Sequence
from typing import Any

from eth_abi import is_encodable_type
from eth_abi.exceptions import EncodingError
from eth_abi.grammar import BasicType, TupleType, normalize, parse

from clearway.opstack.abi import Function
from clearway.opstack.addresses import parse_address
from clearway.opstack.errors import BadInput
from clearway.opstack.messages import unhex

SIGNATURE = re.compile(r"[A-Za-z_]\w*\(.*\)")
HASH_LENGTH = 32  # bytes


def calldata(data: str | None, call: str | None, arguments: Sequence[str]) -> bytes:
    """Return what is to be sent: raw data, or a call and its arguments, or nothing."""
    if data is not None and call is not None:
        raise BadInput("both --data and --call are given", "give one of them")
    if call is not None:
        return encode_call(call, arguments)
    if arguments:
        raise BadInput("--arg is given without --call", "name the function by --call 'f(uint256)'")
    return parse_data(data or "0x")


def parse_data(text: str) -> bytes:
    if not re.fullmatch(r"0x(?:[0-9a-fA-F]{2})*", text.strip()):
        raise BadInput("--data is not hexadecimal", "give 0x and pairs of hex digits")
    return unhex(text.strip())


def encode_call(signature: str, arguments: Sequence[str]) -> bytes:
    """Encode a call such as "ping(uint256)" with arguments as text; lists and tuples as JSON."""
    plain = "".join(signature.split())
    advice = "give its name and types, such as 'ping(uint256,address)'"
    if not SIGNATURE.fullmatch(plain):
        raise BadInput(f"{signature!r} is not a function's signature", advice)
    function = _canonical(Function(plain))
    if not all(map(is_encodable_type, function.inputs)):
        raise BadInput(f"{signature!r} has a type that doesn't exist", advice)
    kinds = [parse(kind) for kind in function.inputs]
    if len(kinds) != len(arguments):
        raise BadInput(
            f"{function.name} takes {len(kinds)} arguments and {len(arguments)} are given",
            "give one --arg for each, in order",
        )
    values = [_value(kind, text) for kind, text in zip(kinds, arguments, strict=True)]
    try:
        return function.encode(*values)
    except (EncodingError, OverflowError, TypeError, ValueError) as error:
        raise BadInput(f"an argument doesn't fit {plain} ({error})", "check the values") from error


def _canonical(function: Function) -> Function:
    """Write "uint" as "uint256": the selector is of the full names."""
    return Function(f"{function.name}({','.join(map(normalize, function.inputs))})")


def _value(kind: Any, text: str) -> Any:
    """Return an argument as its type wants it; raise `BadInput` that names both."""
    shown = kind.to_type_str()
    is_nested = isinstance(kind, TupleType) or bool(kind.arrlist)
    try:
        return _nested(kind, json.loads(text)) if is_nested else _plain(kind, text)
    except (ValueError, TypeError, AttributeError) as error:
        form = "a JSON list" if is_nested else f"a value of {shown}"
        raise BadInput(f"argument {text!r} is not of type {shown}", f"give {form}") from error


def _nested(kind: Any, value: Any) -> Any:
    if kind.arrlist:
        return [_nested(kind.item_type, item) for item in _list(value)]
    if isinstance(kind, TupleType):
        items = zip(kind.components, _list(value), strict=True)
        return tuple(_nested(component, item) for component, item in items)
    return _plain(kind, str(value).lower() if isinstance(value, bool) else str(value))


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("not a list")
    return value


def _plain(kind: BasicType, text: str) -> Any:
    if kind.base == "address":
        return parse_address(text, "the argument")
    if kind.base in ("uint", "int"):
        return int(text, 16 if text.lower().startswith(("0x", "-0x")) else 10)
    if kind.base == "bool":
        return _truth(text)
    if kind.base == "bytes":
        return parse_data(text)
    if kind.base == "string":
        return text
    raise TypeError(f"{kind.base} is not supported")


def _truth(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError("neither true nor false")
    return text.lower() == "true"


def parse_hash(text: str, what: str) -> bytes:
    """Return 32 bytes from "0x" and 64 hex digits."""
    digits = text.strip().removeprefix("0x")
    advice = "give 0x and 64 hex digits"
    if not re.fullmatch("[0-9a-fA-F]+", digits):
        raise BadInput(f"{what} {text[:80]!r} is not a hash", advice)
    if len(digits) == 40:
        raise BadInput(f"{what} {text!r} is an address and not a hash", advice)
    if len(digits) != 2 * HASH_LENGTH:
        raise BadInput(f"{what} {text[:80]!r} has {len(digits)} hex digits, not 64", advice)
    return bytes.fromhex(digits)
