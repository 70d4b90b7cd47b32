"""The version that is deployed, from the template of the shipper's stack."""

import pytest

from logdock.cli.plan.live import deployed_version
from logdock.cli.plan.templates import Template
from logdock.settings import load_settings
from logdock.sources import version
from tests.conftest import ROOT, synthesize

EVERYTHING = ROOT / "examples" / "everything.yaml"


def test_deployed_version_is_that_of_the_shippers_template() -> None:
    assert deployed_version(synthesize(EVERYTHING).templates, load_settings(EVERYTHING)) == version()


@pytest.mark.parametrize("templates", [{}, {"acme-prod-shipper": {"Resources": {}}}])
def test_deployed_version_of_an_earlier_release_is_empty(templates: dict[str, Template]) -> None:
    assert deployed_version(templates, load_settings(EVERYTHING)) == ""
