import re

import pytest

from constructs_lib.shipper import MEMORY_MB
from constructs_lib.subscription_stream import BATCH_SECONDS
from logdock.settings.subscription_costs import (
    GIGABYTES_A_DAY,
    LOG_STREAMS,
    WAYS,
    Inputs,
    break_even,
    costs,
    deliveries_a_month,
    tables,
)
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "subscriptions.md").read_text(encoding="utf-8")


def test_the_page_has_the_tables_that_the_model_prints() -> None:
    (shown,) = re.findall(r"<!-- subscription-costs -->\n(.*)<!-- /subscription-costs -->", PAGE, re.DOTALL)
    rows = "\n".join(line if line.startswith("|") else "" for line in shown.splitlines())
    assert re.sub(r"\n{2,}", "\n\n", rows).strip() == tables(Inputs())


def test_the_model_takes_what_the_stacks_set() -> None:
    assert (Inputs().batch_seconds, Inputs().memory_gb * 1024) == (BATCH_SECONDS, MEMORY_MB)


@pytest.mark.parametrize("gigabytes", GIGABYTES_A_DAY)
def test_the_break_even_is_where_both_ways_cost_the_same(gigabytes: int) -> None:
    found = break_even(gigabytes, Inputs())
    for factor, cheaper in ((0.9, "direct"), (1.1, "kinesis")):
        dollars = {way: costs(gigabytes, found * factor, way, Inputs()).dollars for way in WAYS}
        assert min(dollars, key=dollars.__getitem__) == cheaper


def test_what_the_page_says_of_few_and_of_many_log_streams_follows_from_the_model() -> None:
    for gigabytes in GIGABYTES_A_DAY:
        few, many = (
            [costs(gigabytes, deliveries_a_month(gigabytes, count, Inputs()), way, Inputs()).dollars for way in WAYS]
            for count in LOG_STREAMS
        )
        assert -25 < few[0] - few[1] < 50
        assert 35 < many[0] / many[1] < 140
