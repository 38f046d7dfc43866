"""One way to say no."""


class Refused(Exception):
    """A transition that isn't allowed; its text is the contract's reason, and nothing changed."""

    @property
    def reason(self) -> str:
        """The violated fact, at most 32 characters."""
        return str(self)


def require(fact: bool, otherwise: str) -> None:
    """Refuse with the reason `otherwise` unless the fact holds."""
    if not fact:
        raise Refused(otherwise)
