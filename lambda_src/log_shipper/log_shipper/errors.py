"""The failures of the shipper, each of which is handled differently."""


class ShipperError(Exception):
    """Base of everything raised on purpose. The text never holds a record's content or a secret."""


class ConfigurationError(ShipperError):
    """The environment or an export's document is wrong or unreadable: the invocation fails and is retried."""


class UnknownExportError(ShipperError):
    """An event that does not say which export it belongs to, or whose export is gone: it fails, it is never dropped."""


class ForeignObjectError(ShipperError):
    """A message that puts together what does not belong together: it fails, and nothing of it is read or sent."""


class CorruptInputError(ShipperError):
    """Bytes that no retry will make readable: a truncated or damaged compressed stream."""


class ExpansionError(CorruptInputError):
    """A compressed object that expands to more than the export's `max_expansion` allows: its rest is not read."""


class DamagedIndexError(ShipperError):
    """What is stored under the key of an index of the archive is not one."""


class EnvelopeError(ShipperError):
    """A client-side encrypted object that cannot be opened: wrong key, legacy scheme or a tag that does not verify."""


class DeliveryError(ShipperError):
    """The destination did not accept a batch: its records stay unacknowledged and are tried again."""

    def __init__(self, message: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class OutOfTimeError(ShipperError):
    """The function's time is nearly up: what is acknowledged stays so, the rest goes on in the next invocation."""


class AccountingError(ShipperError):
    """What was read and what came of it do not add up: a defect, so the object or invocation fails and is retried."""
