"""What waits for an executor, from the events alone: orders, redemptions, deposits, claims, and
what was announced of the markets themselves.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from clearway.keeper.archive import Seen
from clearway.keeper.orders import Committed

Values = Any  # an event's, by its fields


@dataclass
class Book:
    """Everything that anyone may bring further."""

    orders: dict[int, Committed] = field(default_factory=dict)  # by id
    requests: dict[int, int] = field(default_factory=dict)  # shares that wait, by number
    deposits: dict[int, int] = field(default_factory=dict)  # token units for the vault, by number
    claims: int = 0  # quote wad that the vault owes winners
    ramps: dict[int, int] = field(default_factory=dict)  # when margins will have come in, by market
    ends: dict[int, int] = field(default_factory=dict)  # the second announced as last, by market

    def tell(self, event: Seen) -> None:
        """Go on by one event; those of which nothing follows here change nothing."""
        handler = HANDLERS.get(event.name)
        if handler:
            handler(self, event.values)

    def _placed(self, told: Values) -> None:
        order = told["order"]
        self.orders[order["id"]] = Committed(
            order["id"], order["market"], order["fills_at"], order["is_reduce_only"]
        )

    def _gone(self, told: Values) -> None:
        self.orders.pop(told["account"] + told["slot"], None)

    def _requested(self, told: Values) -> None:
        self.requests[told["requestId"]] = told["shares"]

    def _priced(self, told: Values) -> None:
        if told["left"]:
            self.requests[told["request"]] = told["left"]
        else:
            self.requests.pop(told["request"], None)

    def _held(self, told: Values) -> None:
        self.deposits[told["id"]] = told["amount"]

    def _taken(self, told: Values) -> None:
        self.deposits.pop(told["id"], None)

    def _owed(self, told: Values) -> None:
        self.claims += told["amount"]

    def _paid(self, told: Values) -> None:
        self.claims -= told["amount"]

    def _ramping(self, told: Values) -> None:
        self.ramps[told["market"]] = told["ends_at"]

    def _ramped(self, told: Values) -> None:
        self.ramps.pop(told["market"], None)

    def _ending(self, told: Values) -> None:
        self.ends[told["market"]] = told["at"]

    def _ended(self, told: Values) -> None:
        self.ends.pop(told["market"], None)


HANDLERS: dict[str, Callable[[Book, Values], None]] = {
    "OrderPlaced": Book._placed,
    "OrderFilled": Book._gone,
    "OrderFailed": Book._gone,
    "OrderCleared": Book._gone,
    "RedeemRequest": Book._requested,
    "RedemptionPriced": Book._priced,
    "VaultDepositHeld": Book._held,
    "VaultDepositEntered": Book._taken,
    "VaultDepositReturned": Book._taken,
    "ProfitClaimed": Book._owed,
    "ClaimPaid": Book._paid,
    "ClaimSetOff": Book._paid,
    "RampBegun": Book._ramping,
    "RampEnded": Book._ramped,
    "RetirementAnnounced": Book._ending,
    "RetirementTakenBack": Book._ended,
    "RetirementFinished": Book._ended,
}
