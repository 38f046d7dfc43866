"""What stands in a keeper's way, beside what the bridge's errors say."""

from clearway.opstack.errors import BridgeError


class BoardsUnavailable(BridgeError):
    """No publisher's board answers."""


class CannotStart(BridgeError):
    """A keeper lacks what it needs to begin."""


class MemoryLost(BridgeError):
    """The file of what was signed can't be used."""
