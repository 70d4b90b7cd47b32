"""Times of AWS's answers are read as the SDK itself would read them."""

from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest
from botocore.utils import parse_timestamp
from hypothesis import given
from hypothesis import strategies as st
from log_shipper import aws
from log_shipper.aws_times import parse_time

from tests.lambda_src.log_shipper.world import LANDING, Cloud

MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(2999, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))


@given(MOMENTS)
def test_a_time_means_what_the_sdk_reads(moment: datetime) -> None:
    in_milliseconds = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    forms: tuple[Any, ...] = (
        format_datetime(moment, usegmt=True),
        moment.isoformat(),
        in_milliseconds.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        moment.strftime("%Y%m%dT%H%M%SZ"),
        int(moment.timestamp()),
        moment.timestamp(),
    )
    for written in forms:
        assert parse_time(written) == parse_timestamp(written)


def test_what_is_no_time_is_refused_as_by_the_sdk() -> None:
    with pytest.raises(ValueError, match="yesterday"):
        parse_time("yesterday")


def test_the_shippers_clients_use_it(cloud: Cloud) -> None:
    cloud.land("app.log", b"a")
    session: Any = aws._session()
    assert session.get_component("response_parser_factory")._defaults["timestamp_parser"] is parse_time
    landed = cloud.s3.get_object(Bucket=LANDING, Key="app.log")["LastModified"]
    assert abs((datetime.now(UTC) - landed).total_seconds()) < 60
