"""Lines of no known format: kept as they are, with the arrival time."""

from log_shipper.record import Origin, Record


def parse(line: str, origin: Origin) -> Record:
    """Return the line as a record of the origin's log type, understood because nothing more was promised."""
    return Record(line, origin.arrival, origin.log_type)


def unknown(line: str, origin: Origin) -> Record:
    """Return a line its parser did not understand: kept whole, and counted as such."""
    return Record(line, origin.arrival, origin.log_type, None, False)
