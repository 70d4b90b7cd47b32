"""A landed object as records: decompressed, counted and cut by its export's format. Pure: knows bytes, not S3."""

from collections.abc import Iterable, Iterator

from log_shipper.decode import decoded_within
from log_shipper.errors import CorruptInputError, ExpansionError
from log_shipper.export_config import ExportConfig
from log_shipper.jobs import Job, Refused, Segment
from log_shipper.line_readers import log_type_of
from log_shipper.reading import RawBlock, read_blocks
from log_shipper.record import Origin, Record
from log_shipper.rendering import path_fields
from log_shipper.telemetry import Tally
from log_shipper.vendors.aptible import parser as docker_json
from log_shipper.vendors.mongodb_atlas import parser as mongodb_atlas


def landed_blocks(
    chunks: Iterable[bytes], config: ExportConfig, key: str, arrival: str, tally: Tally
) -> Iterator[list[Record] | RawBlock]:
    """Yield what `read_blocks` makes of a vendor's object.

    Parameters
    ----------
    chunks : iterable of bytes
        The object's bytes, decrypted and still compressed.
    key : str
        Its key, which some formats take the log type from.
    arrival : str
        The time of a line that has none.
    tally : Tally
        Counts the failed logins of an audit log.
    """
    pieces, log_type = decoded_within(chunks, config.max_expansion), log_type_of(key, config.vendor)
    if config.vendor == "mongodb-atlas" and "audit" in log_type.lower():
        pieces = mongodb_atlas.counting_failed_logins(pieces, tally)
    return read_blocks(
        pieces,
        vendor=config.vendor,
        format_name=config.format_name,
        origin=Origin(arrival, log_type),
        record_start=config.record_start,
    )


def landed_fields(config: ExportConfig, key: str) -> dict[str, str] | None:
    """Return the fields that an object's key gives to every line, None where it gives none."""
    return key_fields(key, config.vendor, config.path_fields)


def key_fields(key: str, vendor: str, pattern: str | None) -> dict[str, str] | None:
    """Return the fields that a key gives by its vendor's layout, and by the names that the export gives its parts."""
    found = docker_json.key_fields(key) if vendor == "aptible" else {}
    return found | path_fields(pattern, key) if pattern else found or None


def refuse_rest(job: Job, error: CorruptInputError, arrival: str) -> Segment:
    """Return a note in place of the rest of an object, which no retry makes readable; the object stays where it is."""
    note = Record(f"the rest of the object cannot be read: {error}", arrival, "unreadable")
    job.tally.records_in += 1
    job.seen += 1
    if isinstance(error, ExpansionError):
        job.max_expansion = job.export.max_expansion
    refused = Refused(str(error), arrival, job.renderer.archived(note), job.seen)
    return Segment(b"", 0, 0, 1, (refused,), job.seen, arrival)
