"""Clearway in `ape console`: `helpers()` lists what there is.

Ape runs this file in every console, on whatever network; it never stands in a console's way.
"""

from typing import Any

from clearway.opstack import BridgeError
from clearway.shell.commands import Session, tell
from clearway.shell.console import Console, session_for


def ape_init_extras(chain: Any) -> dict[str, Any]:
    """Offer the contracts and the helpers of the deployment that this connection belongs to."""

    def find(account: str | None) -> Session:
        provider = chain.provider
        return session_for(provider.network.name, provider.chain_id, account)

    console = Console(find)
    try:
        name = console.session.network.name
    except BridgeError as error:
        tell(f"Clearway isn't here yet ({error})")
    else:
        tell(f"Clearway on {name}: helpers() lists what there is")
    return console.names()
