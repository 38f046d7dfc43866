"""The one error that devnet's own code raises for people to read."""


class DevnetError(Exception):
    """Something a person can put right; the message is a whole sentence that says how."""
