import re

from logdock.settings.comparison import GIGABYTES_A_DAY, LOG_STREAMS, WAYS, Inputs, cheapest, monthly_dollars, tables
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "comparison.md").read_text(encoding="utf-8")
CASES = {(volume, streams): monthly_dollars(volume, streams) for volume in GIGABYTES_A_DAY for streams in LOG_STREAMS}
DIRECT, KINESIS, FIREHOSE, VECTOR, DATADOG, ATHENA = WAYS


def test_the_page_has_the_tables_that_the_model_prints() -> None:
    for name, table in zip(("comparison", "comparison-inputs"), tables(Inputs()).split("\n\n"), strict=True):
        (shown,) = re.findall(rf"<!-- {name} -->\n(.*)\n<!-- /{name} -->", PAGE, re.DOTALL)
        assert shown == table, "python -m logdock.settings.comparison prints the tables"


def test_what_the_page_says_of_each_way_follows_from_the_model() -> None:
    assert sum(cheapest(found) == FIREHOSE for found in CASES.values()) >= 7
    for (volume, streams), found in CASES.items():
        if volume <= 100:
            assert found[KINESIS] - found[FIREHOSE] < (50 if streams > 10 else 90)
        if streams > 10 and volume < 1000:
            assert found[DIRECT] > 25 * found[KINESIS] * min(1, volume)
        if volume >= 100:
            assert found[VECTOR] < 1.4 * found[FIREHOSE]
    few = CASES[1000, 10]
    assert 1.2 < few[KINESIS] / few[FIREHOSE] < 1.3
    assert all(found[DATADOG] < found[DIRECT] for found in CASES.values())
    assert all(found[ATHENA] >= found[FIREHOSE] for found in CASES.values())


def test_every_price_names_its_page() -> None:
    rows = [line.split(" | ") for line in tables(Inputs()).splitlines() if "price" in line]
    assert rows
    assert all("(https://aws.amazon.com/" in row[-1] for row in rows)
