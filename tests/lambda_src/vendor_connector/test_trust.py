import pytest
from vendor_connector import trust
from vendor_connector.request import ConnectorError

WIDER = [
    "*", "arn:aws:iam::772401394250:role/a*", "arn:aws:iam::*:root", "arn:aws:sts::772401394250:federated-user/x", "",
    None, ["*"], 1,
]  # fmt: skip
NO_ACCOUNT = [
    "*", "", "12345678901", "12345678901*", "1234567890123", "222233334444:root", None, 123456789012, "１23456789012",
]  # fmt: skip


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:iam::772401394250:root",
        "arn:aws:iam::772401394250:role/path/atlas",
        "arn:aws-us-gov:iam::772401394250:user/atlas",
    ],
)
def test_accepts_one_principal(arn: str) -> None:
    assert trust.principal_arn(arn, "V") == arn


@pytest.mark.parametrize("value", WIDER)
def test_rejects_anything_wider(value: object) -> None:
    with pytest.raises(ConnectorError, match="V names no IAM principal that a role could trust: it answered"):
        trust.principal_arn(value, "V")


@pytest.mark.parametrize("value", NO_ACCOUNT)
def test_rejects_what_is_no_account(value: object) -> None:
    with pytest.raises(ConnectorError, match="V names no AWS account"):
        trust.account_id(value, "V")
    assert trust.account_id("123456789012", "V") == "123456789012"


@pytest.mark.parametrize("value", ["", "*", "a", "a b", "one|two", "x" * 1225, None])
def test_rejects_an_external_id_that_sts_does_not_take(value: object) -> None:
    with pytest.raises(ConnectorError, match="V gives no external id"):
        trust.external_id(value, "V")
    assert trust.external_id("logzio:aws:extid:example0nktixxe8q", "V").startswith("logzio:")
