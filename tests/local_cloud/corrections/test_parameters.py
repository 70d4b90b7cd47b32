"""Parameters: values that Systems Manager refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from tests.local_cloud.corrections import made

if TYPE_CHECKING:
    from local_cloud.emulator import Emulator

NESTED = '{"regex":"{{x}}"}'


@pytest.mark.parametrize(
    ("value", "tier"),
    [(NESTED, "Standard"), ("x" * 4097, "Standard"), ("x" * 8193, "Intelligent-Tiering")],
    ids=["double braces", "standard", "advanced"],
)
def test_a_value_that_systems_manager_refuses_is_refused(emulator: Emulator, value: str, tier: str) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        made.client(emulator, "ssm").put_parameter(Name=made.new_name(), Value=value, Type="String", Tier=tier)


def test_a_value_that_fits_is_taken(emulator: Emulator) -> None:
    client, name = made.client(emulator, "ssm"), made.new_name()
    for value in ("x" * 4096, '{"a":{"b":{}}}', r'{"regex":"{\u007bx}}"}'):
        client.put_parameter(Name=name, Value=value, Type="String", Overwrite=True)
        assert client.get_parameter(Name=name)["Parameter"]["Value"] == value


def test_a_template_with_a_value_that_is_refused_fails(emulator: Emulator) -> None:
    properties = {"Name": made.new_name(), "Type": "String", "Value": NESTED}
    resources = {"Parameter": {"Type": "AWS::SSM::Parameter", "Properties": properties}}
    assert made.deploy(emulator, "nested-parameter", resources) == "CREATE_FAILED"
