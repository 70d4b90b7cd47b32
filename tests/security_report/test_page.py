"""The page says what was measured, and nothing that was not."""

import dataclasses
import re

from policy_proof.findings import Finding
from policy_proof.templates import Template
from security_report.page import render
from tests.security_report.deployments import proof_of, report_of, resource, trust


def test_a_page_whose_claims_hold_says_so_at_the_top() -> None:
    page = render(report_of("mongodb-atlas"))
    assert "✓ everything that is claimed holds" in page
    assert "✗ " not in page.split('id="controls"')[0]


def test_a_role_without_an_external_id_is_named_at_the_top_and_in_its_row() -> None:
    report = report_of("mongodb-atlas", lambda templates: trust(templates).pop("Condition"))
    page = render(report)
    line = "acme-prod-orders: arn:aws:iam::772401394250:root may assume it without an external id"
    assert line in report.errors
    assert line in page
    assert "✗ none: anybody for whom that account acts" in page


def test_a_property_that_a_template_lacks_is_named_with_what_is_there() -> None:
    def suspend(templates: dict[str, Template]) -> None:
        bucket = resource(templates, "acme-prod-orders", "AWS::S3::Bucket")["Properties"]
        bucket["VersioningConfiguration"]["Status"] = "Suspended"

    page = render(report_of("mongodb-atlas", suspend))
    assert "the template has &#39;Suspended&#39;" in page
    assert re.search(r"✗ so: \d+ of \d+", page)


def test_an_unacknowledged_finding_is_listed_with_the_others() -> None:
    report = report_of("mongodb-atlas")
    found = Finding(tool="checkov", rule="CKV_X", resource="core/Bucket1", detail="open")
    page = render(dataclasses.replace(report, findings=dataclasses.replace(report.findings, others=(found,))))
    assert "There are no others" not in page
    assert "checkov CKV_X on core/Bucket1 open" in page


def test_what_was_not_evaluated_has_no_mark() -> None:
    page = render(report_of("mongodb-atlas", looked=False))
    assert not re.search(r"✓ (allowed|refused|so|nothing else)", page.replace('"code"', "").split('id="findings"')[1])
    assert "0 of 0 hold" in page


def test_what_stands_in_angle_brackets_is_text() -> None:
    # Keys' aliases and the claims' placeholders are written so.
    page = render(report_of("mongodb-atlas"))
    assert "key/&lt;acme-prod-orders&gt;" in page
    assert "<acme-prod-orders>" not in page


def test_what_is_known_after_the_deploy_alone_is_not_shown_as_if_it_were_known() -> None:
    report = report_of("everything")
    made_up = proof_of("everything").account.answers
    assert {"orders", "ledger", "logz-reader"} <= made_up.keys()
    page = render(report)
    for answer in made_up.values():
        assert answer.principal_arn not in page
        assert answer.principal_arn.split(":")[4] not in page
        assert answer.external_id not in page
    assert "arn:aws:iam::&lt;account of the vendor of orders&gt;:root" in page
    assert "&lt;external id of orders&gt;" in page


def test_markup_in_a_policy_is_text() -> None:
    script = "<script>alert(1)</script>"
    page = render(report_of("mongodb-atlas", lambda templates: trust(templates).update(Principal=script)))
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_values_that_no_policy_has_are_not_on_the_page() -> None:
    def hide(templates: dict[str, Template]) -> None:
        function = resource(templates, "acme-prod-shipper", "AWS::Lambda::Function")["Properties"]
        function["Environment"]["Variables"]["TOKEN"] = "h1dden"
        resource(templates, "acme-prod-orders", "AWS::SSM::Parameter")["Properties"]["Value"] = "h1dden"

    assert "h1dden" not in render(report_of("mongodb-atlas", hide))


def test_the_page_loads_nothing() -> None:
    page = render(report_of("everything"))
    assert not re.search(r"<(script|link|img|iframe|object|svg)\b|@import|url\(", page)
