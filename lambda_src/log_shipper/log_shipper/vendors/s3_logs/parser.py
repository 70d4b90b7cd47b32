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
from functools import cache
from typing import Any

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
# a list of strings in quotes, as a network load balancer writes what ALPN offers, is one cell; so is an IPv6 address in
# brackets with its port
_QUOTED = re.compile(r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"(?!,")|\[([^\]]{0,64})\](?!\S)|(\S++)')
# a number where the load balancer is named is the latency of a health check, whose log has other columns
_ALB = re.compile(r"(?:http|https|h2|grpcs|ws|wss) \d{4}-\d\d-\d\dT[\d:.]+Z (?![\d.-]+ )\S+ \S+ ")
_NLB = re.compile(r"tls [\d.]+ \d{4}-\d\d-\d\dT[\d:.]+ \S+ ")
_CLB = re.compile(r'\d{4}-\d\d-\d\dT[\d:.]+Z \S+ \S+:\d+ (?:\S+:\d+|-) [\d.-]+ [\d.-]+ [\d.-]+ .* "')
_S3_ACCESS = re.compile(r"[0-9a-f]{64} \S+ \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] ")
_VPC_FLOW = re.compile(r"2 (?:\d{12}|unknown) eni-[0-9a-f]+ ")
# every field of flow log versions 2 to 10, of VPCs and of transit gateways
_VPC_FIELDS = {
    *VPC_FLOW_V2_COLUMNS, "vpc-id", "subnet-id", "instance-id", "tcp-flags", "type", "pkt-srcaddr", "pkt-dstaddr",
    "region", "az-id", "sublocation-type", "sublocation-id", "pkt-src-aws-service", "pkt-dst-aws-service",
    "flow-direction", "traffic-path", "ecs-cluster-arn", "ecs-cluster-name", "ecs-container-instance-arn",
    "ecs-container-instance-id", "ecs-container-id", "ecs-second-container-id", "ecs-service-name",
    "ecs-task-definition-arn", "ecs-task-arn", "ecs-task-id", "reject-reason", "resource-id", "encryption-status",
    "resource-type", "tgw-id", "tgw-attachment-id", "tgw-src-vpc-account-id", "tgw-dst-vpc-account-id",
    "tgw-src-vpc-id", "tgw-dst-vpc-id", "tgw-src-subnet-id", "tgw-dst-subnet-id", "tgw-src-eni", "tgw-dst-eni",
    "tgw-src-az-id", "tgw-dst-az-id", "tgw-pair-attachment-id", "packets-lost-no-route", "packets-lost-blackhole",
    "packets-lost-mtu-exceeded", "packets-lost-ttl-expired",
}  # fmt: skip
_PATTERNS = (("vpc-flow", _VPC_FLOW), ("s3-access", _S3_ACCESS), ("alb", _ALB), ("nlb", _NLB), ("clb", _CLB))
_CLOUDFRONT_HEADER = re.compile(r"#Version: ?\d+\.\d+\s*$|#Fields:(?: ?[a-z][\w()-]*)(?:[ \t]+[a-z][\w()-]*)*\s*$")
# The request line has no space but its own two, so what follows it is found whatever quotes it holds.
_S3_ACCESS_HEAD = re.compile(
    r'(\S+) (\S+) \[([^\]]{26})\] (\S+) (\S+) (\S+) (\S+) (\S+) (?:"(-|\S+ \S+ HTTP/[\d.]+)"|-) '
    r'(\d{3}|-) (\S+) (\d+|-) (\d+|-) (\d+|-) (\d+|-) "'
)
# one expression for RE2, over whole blocks: it may admit a line that is then read as text, never the reverse
_ANY_FORMAT = (
    rb"(?m)^(?:[\x00 \t]*(?:\xef\xbb\xbf)?[\x00 \t]*[{\[]|#(?:Version|Fields):"
    rb"|(?:http|https|h2|grpcs|ws|wss) \d{4}-\d\d-\d\dT|tls [\d.]+ \d{4}-|[0-9a-f]{64} \S+ \["
    rb"|2 (?:\d{12}|unknown) eni-|\d{4}-\d\d-\d\dT[\d:.]+Z \S+ \S+:\d+ (?:\S+:\d+|-) [\d.-]+ "
    rb"|[a-z][a-z0-9-]*(?: [a-z][a-z0-9-]*){2,}\r?$)"
)
_TIME_COLUMNS = (
    "time", "start", "timestamp", "@timestamp", "date", "datetime", "event_time", "eventTime", "timestamp(ms)",
)  # fmt: skip
_CSV_NAME = re.compile(r"[A-Za-z_@][\w@. /:()-]*$")


def format_of(line: str) -> str | None:
    """Return the format that a line shows by itself, as a header or as a record; None when it shows none of them."""
    if is_vpc_header(line):
        return "vpc-flow"
    if is_cloudfront_header(line):
        return "cloudfront"
    return next((name for name, pattern in _PATTERNS if pattern.match(line)), None)


def shows_no_format(block: bytes) -> bool:
    """Say whether no line of a block shows a format by itself, JSON included, without looking at every line."""
    return _any_format().search(block) is None


@cache
def _any_format() -> Any:
    import re2

    options = re2.Options()
    options.never_capture = True
    options.encoding = re2.Options.Encoding.LATIN1
    return re2.compile(_ANY_FORMAT, options)


def is_vpc_header(line: str) -> bool:
    """Say whether a line is the header of a flow log: field names and nothing else, at least three."""
    if not line.islower():
        return False
    names = line.split()
    return len(names) > 2 and _VPC_FIELDS.issuperset(names)


def is_cloudfront_header(line: str) -> bool:
    """Say whether a line is one of the two header lines of the W3C extended log file format."""
    return _CLOUDFRONT_HEADER.match(line) is not None


def is_csv_header(line: str, next_line: str) -> bool:
    """Say whether a line names the columns of the next one."""
    columns = _csv_cells(line)
    are_names = len(columns) > 1 and len(set(columns)) == len(columns) and all(map(_CSV_NAME.match, columns))
    return are_names and (len(_csv_cells(next_line)) == len(columns) or ends_in_quotes(next_line))


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
            "vpc-flow": VPC_FLOW_V2_COLUMNS,
        }.get(kind, ())  # fmt: skip
        self._begun = False

    def take_header(self, line: str) -> bool:
        """Take the names of a header line; return False for any other line."""
        if self._kind == "cloudfront" and is_cloudfront_header(line):
            if line.startswith("#Fields:"):
                self._names = line.removeprefix("#Fields:").split()
            return True
        if self._kind == "vpc-flow" and is_vpc_header(line):
            self._names = line.split()
            return True
        if self._kind == "csv" and not self._begun:
            # a first line that is none in CSV is no header, and the second is not either
            self._begun, self._names = True, _csv_cells(line)
            return bool(self._names)
        return False

    def fits(self, line: str) -> bool:
        """Say whether a line has as many columns as the header has names, and a time where they have one."""
        cells = self._cells(line)
        if len(self._names) != len(cells):
            return False
        has_time = self._kind != "csv" and any(name in self._names for name in _TIME_COLUMNS)
        return not has_time or self._time(dict(zip(self._names, cells, strict=True))) is not None

    def parse(self, line: str, origin: Origin) -> Record:
        """Return the record of a line that is no header."""
        cells = self._cells(line)
        if not self._names or len(cells) < 2 or len(cells) > len(self._names) + (self._kind != "csv") * 16:
            return plain.unknown(line, origin)
        fields = {name: cell for name, cell in zip(self._names, cells, strict=False) if name != ""}
        return Record(line, self._time(fields) or origin.arrival, self._kind, fields)

    def _cells(self, line: str) -> Sequence[str]:
        if self._kind == "csv":
            return _csv_cells(line)
        if self._kind == "cloudfront":
            return line.split("\t")
        if self._kind == "vpc-flow":
            return line.split()
        if self._kind == "s3-access" and (cells := _s3_access_cells(line)):
            return cells
        return [quoted or bracketed or bare for quoted, bracketed, bare in _QUOTED.findall(line)]

    def _time(self, fields: dict[str, str]) -> str | None:
        if "date" in fields and "time" in fields:
            time = timestamps.normalise(f"{fields['date']}T{fields['time']}Z")
            if time:
                return time
        for name in _TIME_COLUMNS:
            value = fields.get(name)
            if value:
                parse = timestamps.from_common_log_format if self._kind == "s3-access" else timestamps.normalise
                time = parse(value) or timestamps.from_plausible_epoch(value)
                if time:
                    return time
        return None


def _s3_access_cells(line: str) -> list[str] | None:
    """Return the columns of an S3 access line, or None when it has another form.

    Referer and user agent are the client's own words, quotes included. None of the columns after them holds a quote, so
    they end at the line's last one; between the two, the first ``" "`` is taken for the border.
    """
    head = _S3_ACCESS_HEAD.match(line)
    if head is None:
        return None
    said, quote, tail = line[head.end() :].rpartition('"')
    referer, border, user_agent = said.partition('" "')
    if not quote or not border:
        return None
    return [*(column or "-" for column in head.groups()), referer, user_agent, *tail.split()]


def _csv_cells(line: str) -> list[str]:
    try:
        return next(csv.reader((line,)), [])
    except csv.Error:
        return []
