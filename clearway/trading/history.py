"""What happened to an account, from its events."""

from dataclasses import dataclass

from clearway.contracts import Told
from clearway.deployments import System

OF_MARKET = (
    "Deposited",
    "Withdrawn",
    "OrderFilled",
    "PositionLiquidated",
    "AccountLiquidated",
    "PositionSettled",
    "ProfitClaimed",
    "ClaimPaid",
    "ClaimSetOff",
    "ShortfallBooked",
)
OF_ORDERS = ("OrderPlaced", "OrderFailed", "OrderCleared")


@dataclass(frozen=True)
class Happened:
    """An event of an account, with its block's time."""

    at: int
    told: Told


def history(system: System, account: int) -> list[Happened]:
    """Return all that happened to an account, oldest first."""
    l2 = system.rollup.l2
    first, last = system.deployment.l2_block, l2.block().number
    told = [
        *system.market.events(first, last, *OF_MARKET, about=account),
        *system.orders.events(first, last, *OF_ORDERS, about=account),
    ]
    times = l2.timestamps(one.block for one in told)
    ordered = sorted(told, key=lambda one: (one.block, one.log_index))
    return [Happened(times[one.block], one) for one in ordered]
