"""What holds of every example's alarm notifications; the snapshots and the claims hold the documents themselves."""

import json

from tests.conftest import Synthesized


def test_secrets_are_resolved_for_the_webhook_alone(example: Synthesized) -> None:
    for stack, template in example.templates.items():
        for resource in template["Resources"].values():
            if resource["Type"] not in ("AWS::Events::Connection", "AWS::Events::ApiDestination"):
                assert "{{resolve:secretsmanager" not in json.dumps(resource), stack


def test_without_a_webhook_there_is_none(everything: Synthesized) -> None:
    for resource_type in ("AWS::Events::Connection", "AWS::Events::ApiDestination"):
        assert not list(everything.resources(resource_type))
