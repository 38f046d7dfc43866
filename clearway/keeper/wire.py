"""How quotes and reports travel between boards: JSON, with every large number in hexadecimal."""

from collections.abc import Mapping
from typing import Any

from eth_utils.address import is_address, to_checksum_address

from clearway.keeper.agreement import Quotes
from clearway.keeper.signing import Signature
from clearway.reports import Report, SignedReport
from clearway.spec.quotes import Quote

MOST_BYTES = 65_536  # of a message between boards
MOST_BOARDS = 8
MOST_PUBLISHERS = 7
WORD = 1 << 256


def quotes_to_json(quotes: Quotes) -> dict[str, list[str]]:
    return {str(market): [hex(one.price), hex(one.confidence)] for market, one in quotes.items()}


def quotes_from_json(told: Any) -> dict[int, Quote]:
    """Read quotes by market; raise ValueError if they are none."""
    if not isinstance(told, Mapping) or len(told) > 32:
        raise ValueError("no quotes")
    found = {}
    for market, pair in told.items():
        price, confidence = pair
        found[int(market)] = Quote(_number(price), _number(confidence))
    if any(not 0 <= market < 32 or quote.price == 0 for market, quote in found.items()):
        raise ValueError("no quotes")
    return found


def report_to_json(report: Report) -> dict[str, Any]:
    return {"observed_at": report.observed_at, "boards": [hex(word) for word in report.boards]}


def report_from_json(told: Any) -> Report:
    """Read a report; raise ValueError if it is none."""
    if not isinstance(told, Mapping) or not isinstance(told.get("observed_at"), int):
        raise ValueError("no report")
    boards = told.get("boards")
    if not isinstance(boards, list) or not 0 < len(boards) <= MOST_BOARDS:
        raise ValueError("no report")
    return Report(int(told["observed_at"]), tuple(_number(word) for word in boards))


def signature_to_json(signature: Signature) -> list[str]:
    return [f"0x{part.hex()}" for part in signature]


def signature_from_json(told: Any) -> Signature:
    """Read a signature; raise ValueError if it is none."""
    if not isinstance(told, list) or len(told) != 2:
        raise ValueError("no signature")
    r, vs = (_number(part).to_bytes(32, "big") for part in told)
    return r, vs


def signed_to_json(signed: SignedReport) -> dict[str, Any]:
    return {
        **report_to_json(signed.report),
        "absent": list(signed.absent),
        "signatures": [signature_to_json(one) for one in signed.signatures],
    }


def signed_from_json(told: Any) -> SignedReport:
    """Read a signed report; raise ValueError if it is none."""
    report = report_from_json(told)
    absent, signatures = told.get("absent"), told.get("signatures")
    for part in (absent, signatures):
        if not isinstance(part, list) or len(part) > MOST_PUBLISHERS:
            raise ValueError("no signed report")
    if not all(is_address(one) for one in absent):
        raise ValueError("no signed report")
    return SignedReport(
        report,
        tuple(to_checksum_address(one) for one in absent),
        tuple(signature_from_json(one) for one in signatures),
    )


def _number(text: Any) -> int:
    if not isinstance(text, str) or not text.startswith("0x"):
        raise ValueError("no number")
    number = int(text, 16)
    if not 0 <= number < WORD:
        raise ValueError("no number")
    return number
