"""The comparison of ``make second-opinion`` reports a difference, and the templates' parts that it leaves out."""

import copy
from typing import Any

import pytest

from second_opinion.compare import compare
from second_opinion.jsonata import SAMPLES, Sample, evaluate_all, expressions_of
from second_opinion.read_back import READERS
from second_opinion.templates import Resolver, runnable
from tests.conftest import ROOT, VARIANTS, Synthesized, synthesize

LARGEST = [
    pytest.param(variant, marks=() if variant[0].stem == "everything" else pytest.mark.proof) for variant in VARIANTS
]

POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Deny", "Principal": "*", "Action": ["s3:Put*", "s3:Get*"], "Resource": "arn:aws:s3:::a"}],
}


def verdicts(kind: str, expected: dict[str, Any], found: dict[str, Any]) -> dict[str, str]:
    return {each.name: each.verdict for each in compare("stack", "Id", kind, expected, found)}


def test_two_ways_to_write_the_same_are_no_difference() -> None:
    expected = {"Bucket": "a", "PolicyDocument": POLICY, "Days": 400, "On": True}
    text = (
        '{"Statement": [{"Resource": ["arn:aws:s3:::a"], "Action": ["s3:Get*", "s3:Put*"], "Principal": "*",'
        ' "Effect": "Deny"}], "Version": "2012-10-17"}'
    )
    found = {"Bucket": "a", "PolicyDocument": text, "Days": "400", "On": "true"}

    assert set(verdicts("AWS::S3::BucketPolicy", expected, found).values()) == {"same"}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("Effect",), "Allow"),
        (("Action",), ["s3:Put*"]),
        (("Principal",), {"AWS": "*"}),
        (("Condition",), {"Bool": {"aws:SecureTransport": "false"}}),
    ],
)
def test_a_planted_difference_in_a_policy_is_reported(path: tuple[str], value: object) -> None:
    found = copy.deepcopy(POLICY)
    found["Statement"][0][path[0]] = value  # type: ignore[index]

    expected = {"PolicyDocument": POLICY}
    assert verdicts("AWS::S3::BucketPolicy", expected, {"PolicyDocument": found}) == {"PolicyDocument": "different"}


def test_a_property_that_was_not_read_back_is_a_difference() -> None:
    assert verdicts("AWS::SQS::Queue", {"DelaySeconds": 5}, {}) == {"DelaySeconds": "different"}


def test_gaps_and_what_no_api_shows_have_a_reason() -> None:
    expected = {"Tags": [], "LifecycleConfiguration": {"Rules": []}}
    findings = compare("stack", "Id", "AWS::S3::Bucket", expected, {"LifecycleConfiguration": None})

    assert {each.name: each.verdict for each in findings} == {
        "Tags": "not compared",
        "LifecycleConfiguration": "known gap",
    }
    assert all(each.reason for each in findings)


@pytest.mark.parametrize("example", LARGEST, indirect=True, ids=lambda variant: f"{variant[0].stem}-{variant[1]}")
def test_every_resource_of_every_example_is_read_back_or_left_out_with_a_reason(example: Synthesized) -> None:
    unread = []
    for stack, template in example.templates.items():
        part = runnable(template, example.regions[stack], "111122223333")
        assert all(reason for _, reason in part.left_out.values())
        assert set(part.template) == {"Resources", "Outputs"}
        unread += [
            f"{stack}: {logical_id} ({resource['Type']})"
            for logical_id, resource in part.template["Resources"].items()
            if resource["Type"] not in READERS
        ]
        left = set(part.left_out)
        unread += [f"{stack}: refers to {name}" for name in left if f"'Ref': '{name}'" in str(part.template)]
        unread += [f"{stack}: refers to {name}" for name in left if f"'Fn::GetAtt': ['{name}'" in str(part.template)]
    assert unread == []


def test_functions_of_a_template_are_evaluated() -> None:
    resolver = Resolver(
        account="111122223333",
        region="eu-west-1",
        stack="acme-prod-orders",
        stack_id="arn:aws:cloudformation:eu-west-1:111122223333:stack/acme-prod-orders/1",
        physical_ids={"Key": "1234", "Queue": "https://sqs/111122223333/waiting"},
        types={"Key": "AWS::KMS::Key", "Queue": "AWS::SQS::Queue"},
        exports={"shared": "arn:aws:kms:eu-west-1:111122223333:key/5678"},
    )
    template = {
        "Joined": {"Fn::Join": ["/", [{"Ref": "AWS::Partition"}, {"Fn::GetAtt": ["Key", "Arn"]}]]},
        "Account": {"Fn::Select": [4, {"Fn::Split": [":", {"Fn::GetAtt": ["Queue", "Arn"]}]}]},
        "Imported": [{"Fn::ImportValue": "shared"}, {"Ref": "AWS::NoValue"}],
        "Gone": {"Ref": "AWS::NoValue"},
    }

    assert resolver.resolve(template) == {
        "Joined": "aws/arn:aws:kms:eu-west-1:111122223333:key/1234",
        "Account": "111122223333",
        "Imported": ["arn:aws:kms:eu-west-1:111122223333:key/5678"],
    }


def test_every_expression_evaluates_as_its_samples_say() -> None:
    # Its alarms are posted to a webhook, too.
    alerts = synthesize(ROOT / "examples" / "alerts.yaml")
    definitions = {
        f"{stack}/{name}": resource["Properties"]["DefinitionString"]
        for stack, name, resource in alerts.resources("AWS::StepFunctions::StateMachine")
        if isinstance(resource["Properties"]["DefinitionString"], str)
    }
    fields = {field for definition in definitions.values() for field, _ in expressions_of(definition)}

    assert [each for each in evaluate_all(definitions) if each.problem] == []
    assert fields == set(SAMPLES)


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("$alarm & '!'", "'b!', not 'b'"),
        ("$states.input.since", "has no result"),
        ("$join(", "fails"),
    ],
)
def test_an_expression_that_does_not_evaluate_as_its_sample_says_is_reported(expression: str, problem: str) -> None:
    definition = f'{{"QueryLanguage": "JSONata", "States": {{"A": "{{% {expression} %}}", "B": "{{% 1 %}}"}}}}'
    samples = {"A": [Sample(variables={"alarm": "b", "states": {"input": {}}}, result="b")]}

    without, (evaluated,) = (
        [each for each in evaluate_all({"machine": definition}, samples) if (each.field == "B") is of_b]
        for of_b in (True, False)
    )

    assert problem in evaluated.problem
    assert [each.problem for each in without] == ["has no sample"]
