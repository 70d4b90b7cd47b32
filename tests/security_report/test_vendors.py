"""Page one: each vendor, how it gets in and what remains; and the same as JSON and CSV."""

import csv
import io
import json

from security_report.data import COLUMNS, as_csv, as_json
from security_report.matrix import statements
from security_report.page import render
from tests.security_report.deployments import report_of, trust


def test_vendor_has_its_account_its_way_in_and_its_actions() -> None:
    (atlas,) = report_of("mongodb-atlas").vendors
    assert atlas.kind.vendor.startswith("MongoDB Atlas")
    assert atlas.accounts == ("arn:aws:iam::772401394250:root",)
    external_id = "9f4a5d0e-6a86-4c0d-a3f5-1d2c8f3b7e64"
    assert atlas.entry == (
        f"assumes the role acme-prod-orders with external id {external_id}, for 12 h at most",
    )  # fmt: skip
    assert atlas.actions == ("kms:Decrypt", "kms:GenerateDataKey", "s3:GetBucketLocation", "s3:PutObject")


def test_role_without_an_external_id_is_seen_on_page_one() -> None:
    (atlas,) = report_of("mongodb-atlas", lambda templates: trust(templates).pop("Condition")).vendors
    assert atlas.entry == ("assumes the role acme-prod-orders WITHOUT an external id, for 12 h at most",)


def test_every_export_and_destination_has_a_row_with_its_account() -> None:
    report = report_of("everything")
    found = {vendor.name: vendor for vendor in report.vendors}
    assert list(found) == [each.name for each in (*report.settings.exports, *report.settings.destinations)]
    admitted = {name for name, vendor in found.items() if vendor.accounts}
    assert admitted == {"orders", "ledger", "platform", "cdn", "trail", "logz-reader"}
    assert "cloudtrail.amazonaws.com" in found["trail"].accounts


def test_page_one_comes_first_and_each_claim_once() -> None:
    page = render(report_of("mongodb-atlas"))
    sections = [part.partition('"')[0] for part in page.split('<section id="')[1:]]
    assert (sections[0], sections[-1]) == ("vendors", "claims")


def test_json_has_the_vendors_for_approval_and_every_role() -> None:
    report = report_of("everything")
    document = json.loads(as_json(report))
    assert [each["name"] for each in document["vendors"]] == [each.name for each in report.vendors]
    assert document["vendors"][0]["approval"] == {"by": None, "from": None, "to": None}
    assert document["vendors"][0]["accounts"] == ["arn:aws:iam::<account of the vendor of orders>:root"]
    assert {each["name"] for each in document["roles"]} == {each.name for each in report.matrix.roles}
    assert {each["id"] for each in document["claims"]} == {each.id for each in report.evidence.values() if each.asked}


def test_csv_has_a_row_for_each_statement() -> None:
    report = report_of("mongodb-atlas")
    heading, *rows = csv.reader(io.StringIO(as_csv(report)))
    assert tuple(heading) == COLUMNS
    assert len(rows) == len(list(statements(report.matrix)))
