"""Logs that AWS services write to S3 as columns: load balancers, VPC flow logs, CloudFront, S3 server access, CSV.

Sources: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-access-logs.html (and the
network and classic pages beside it), https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html,
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.html and
https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html. A line's columns become the record's fields, under
the names its header gives or, where there is no header, the names the service documents.
"""

import csv
import re
from collections.abc import Sequence

from log_shipper import timestamps
from log_shipper.parsers import plain
from log_shipper.record import Origin, Record

ALB_COLUMNS = (
    "type", "time", "elb", "client_port", "target_port", "request_processing_time", "target_processing_time",
    "response_processing_time", "elb_status_code", "target_status_code", "received_bytes", "sent_bytes", "request",
    "user_agent", "ssl_cipher", "ssl_protocol", "target_group_arn", "trace_id", "domain_name", "chosen_cert_arn",
    "matched_rule_priority", "request_creation_time", "actions_executed", "redirect_url", "error_reason",
    "target_port_list", "target_status_code_list", "classification", "classification_reason", "conn_trace_id",
)  # fmt: skip
CLB_COLUMNS = (
    "time", "elb", "client_port", "backend_port", "request_processing_time", "backend_processing_time",
    "response_processing_time", "elb_status_code", "backend_status_code", "received_bytes", "sent_bytes", "request",
    "user_agent", "ssl_cipher", "ssl_protocol",
)  # fmt: skip
NLB_COLUMNS = (
    "type", "version", "time", "elb", "listener", "client_port", "destination_port", "connection_time",
    "tls_handshake_time", "received_bytes", "sent_bytes", "incoming_tls_alert", "chosen_cert_arn",
    "chosen_cert_serial", "tls_cipher", "tls_protocol_version", "tls_named_group", "domain_name", "alpn_fe_protocol",
    "alpn_be_protocol", "alpn_client_preference_list", "tls_connection_creation_time",
)  # fmt: skip
S3_ACCESS_COLUMNS = (
    "bucket_owner", "bucket", "time", "remote_ip", "requester", "request_id", "operation", "key", "request_uri",
    "http_status", "error_code", "bytes_sent", "object_size", "total_time", "turn_around_time", "referer",
    "user_agent", "version_id", "host_id", "signature_version", "cipher_suite", "authentication_type", "host_header",
    "tls_version", "access_point_arn", "acl_required",
)  # fmt: skip
VPC_FLOW_V2_COLUMNS = (
    "version", "account-id", "interface-id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets",
    "bytes", "start", "end", "action", "log-status",
)  # fmt: skip

# possessive and bounded: a hostile line costs no more than its length
_QUOTED = re.compile(r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"|\[([^\]]{0,64})\]|(\S+)')
_ALB = re.compile(r"(?:http|https|h2|grpcs|ws|wss) \d{4}-\d\d-\d\dT[\d:.]+Z \S+ \S+ ")
_NLB = re.compile(r"tls [\d.]+ \d{4}-\d\d-\d\dT[\d:.]+ \S+ ")
_CLB = re.compile(r'\d{4}-\d\d-\d\dT[\d:.]+Z \S+ \S+:\d+ (?:\S+:\d+|-) [\d.-]+ [\d.-]+ [\d.-]+ .* "')
_S3_ACCESS = re.compile(r"[0-9a-f]{64} \S+ \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] ")
_VPC_FLOW = re.compile(r"2 (?:\d{12}|unknown) eni-[0-9a-f]+ ")
_VPC_HEADER_NAMES = {
    "account-id", "interface-id", "srcaddr", "dstaddr", "log-status", "vpc-id", "subnet-id", "instance-id", "tcp-flags",
    "pkt-srcaddr", "pkt-dstaddr", "flow-direction",
}  # fmt: skip
_CSV_NAME = re.compile(r"[A-Za-z_@][\w@. /:()-]*$")


def detect(first_line: str, second_line: str) -> str:
    """Return the format that an object's first lines show, ``plain`` when they show none of the known ones."""
    if first_line.startswith(("#Version:", "#Fields:")):
        return "cloudfront"
    names = first_line.split()
    if len(_VPC_HEADER_NAMES.intersection(names)) >= 2 and "," not in first_line:
        return "vpc-flow"
    for name, pattern in (
        ("vpc-flow", _VPC_FLOW), ("s3-access", _S3_ACCESS), ("alb", _ALB), ("nlb", _NLB), ("clb", _CLB),
    ):  # fmt: skip
        if pattern.match(first_line):
            return name
    columns = _csv_cells(first_line)
    are_names = len(columns) > 1 and len(set(columns)) == len(columns) and all(map(_CSV_NAME.match, columns))
    # a header that heads nothing is a plain line: as a header it would be in no record
    heads = len(_csv_cells(second_line)) == len(columns) or ends_in_quotes(second_line)
    return "csv" if are_names and heads else "plain"


def ends_in_quotes(line: str) -> bool:
    """Say whether a line of CSV ends inside a cell in quotes, which then goes on in the next line."""
    if line.count('"') % 2 == 0:
        return False
    try:
        list(csv.reader((line,), strict=True))
    except csv.Error as error:
        return "unexpected end" in str(error)
    return False


class ColumnParser:
    """Parses the lines of one object in one columnar format; keeps the names that a header line gives.

    Parameters
    ----------
    kind : str
        One of ``alb``, ``clb``, ``nlb``, ``s3-access``, ``vpc-flow``, ``cloudfront``, ``csv``.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._names: Sequence[str] = {
            "alb": ALB_COLUMNS, "clb": CLB_COLUMNS, "nlb": NLB_COLUMNS, "s3-access": S3_ACCESS_COLUMNS,
        }.get(kind, ())  # fmt: skip
        self._begun = False

    def parse(self, line: str, origin: Origin) -> Record | None:
        """Return the record of a line; None for a header, whose names live on in the records' fields."""
        if self._is_header(line):
            return None
        cells = self._cells(line)
        if not self._names or len(cells) < 2 or len(cells) > len(self._names) + (self._kind != "csv") * 16:
            return plain.unknown(line, origin)
        fields = {name: cell for name, cell in zip(self._names, cells, strict=False) if name != ""}
        return Record(line, self._time(fields) or origin.arrival, self._kind, fields)

    def _is_header(self, line: str) -> bool:
        if self._kind == "cloudfront" and line.startswith("#Fields:"):
            self._names = line.removeprefix("#Fields:").split()
            return True
        if self._kind == "cloudfront" and line.startswith("#Version:"):
            return True
        if self._kind == "csv" and not self._begun:
            # a first line that is none in CSV is no header, and the second is not either
            self._begun, self._names = True, _csv_cells(line)
            return bool(self._names)
        if self._kind == "vpc-flow":
            names = line.split()
            if len(_VPC_HEADER_NAMES.intersection(names)) >= 2:
                self._names = names
                return True
            self._names = self._names or VPC_FLOW_V2_COLUMNS
        return False

    def _cells(self, line: str) -> list[str]:
        if self._kind == "csv":
            return _csv_cells(line)
        if self._kind == "cloudfront":
            return line.split("\t")
        if self._kind == "vpc-flow":
            return line.split()
        return [quoted or bracketed or bare for quoted, bracketed, bare in _QUOTED.findall(line)]

    def _time(self, fields: dict[str, str]) -> str | None:
        if "date" in fields and "time" in fields:
            time = timestamps.normalise(f"{fields['date']}T{fields['time']}Z")
            if time:
                return time
        for name in ("time", "start", "timestamp", "@timestamp", "date", "datetime", "event_time", "eventTime"):
            value = fields.get(name)
            if value:
                parse = timestamps.from_common_log_format if self._kind == "s3-access" else timestamps.normalise
                time = parse(value) or timestamps.from_epoch_text(value)
                if time:
                    return time
        return None


def _csv_cells(line: str) -> list[str]:
    try:
        return next(csv.reader((line,)), [])
    except csv.Error:
        return []
