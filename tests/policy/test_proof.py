"""The evaluators and what they are given: nothing is guessed, and what was not evaluated decides nothing."""

import dataclasses
import json
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import yaml

from logdock.settings import load_settings
from policy_proof import results
from policy_proof.account import Account
from policy_proof.calls import NoCallError, parameters_of
from policy_proof.cast import Cast, session
from policy_proof.claim_file import CLAIMS, ClaimFileError, load_book
from policy_proof.proof import SIMULATOR, Proof
from policy_proof.requests import Request
from policy_proof.simulator import Simulator, Verdict
from policy_proof.templates import Templates, UnresolvedError
from tests.conftest import ROOT, synthesize

EXAMPLE = ROOT / "examples" / "mongodb-atlas.yaml"
BUCKET = "arn:aws:s3:::acme-prod-orders-111122223333-eu-west-1"
OVER_TLS = {"aws:SecureTransport": "true", "s3:TlsVersion": "1.3"}


@pytest.fixture(scope="module")
def proof() -> Proof:
    synthesized = synthesize(EXAMPLE)
    return Proof(load_settings(EXAMPLE), synthesized.templates, synthesized.regions)


def evaluate(proof: Proof, action: str, resource: str, *lacks: str, **context: str) -> Verdict:
    caller = session("role", proof.account.id, "acme-prod-orders", proof.account.roles["acme-prod-orders"].policies)
    said = {key.replace("__", ":"): value for key, value in context.items()}
    request = Request(
        caller=caller, action=action, resource=resource, context={**OVER_TLS, **said}, lacks=frozenset(lacks)
    )
    (verdict,) = SIMULATOR.evaluate([request], proof.account, proof.cast)
    return verdict


NO_HEADERS = (
    "s3:x-amz-server-side-encryption",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "s3:x-amz-server-side-encryption-customer-algorithm",
)


def test_a_request_that_says_of_every_key_is_evaluated(proof: Proof) -> None:
    assert evaluate(proof, "s3:PutObject", f"{BUCKET}/atlas/orders/x", *NO_HEADERS).answer == "allow"
    assert evaluate(proof, "s3:PutObject", f"{BUCKET}/elsewhere/x", *NO_HEADERS).answer == "deny"


@pytest.mark.parametrize("unsaid", NO_HEADERS)
def test_a_condition_key_without_a_value_is_inconclusive(proof: Proof, unsaid: str) -> None:
    said = [key for key in NO_HEADERS if key != unsaid]
    verdict = evaluate(proof, "s3:PutObject", f"{BUCKET}/atlas/orders/x", *said)
    assert verdict.answer == "inconclusive"
    assert f"a policy asks for {unsaid}" in verdict.why


def test_a_key_that_the_simulator_did_not_evaluate_is_inconclusive(proof: Proof) -> None:
    verdict = evaluate(proof, "s3:GetBucketLocation", BUCKET, **{"s3__x-amz-acl": "private"})
    assert (verdict.answer, "did not evaluate s3:x-amz-acl" in verdict.why) == ("inconclusive", True)


@pytest.mark.parametrize("action", ["s3:PutObjekt", "s4:PutObject", "s3:ListBucket"])
def test_an_action_that_there_is_not_or_not_on_this_is_inconclusive(proof: Proof, action: str) -> None:
    assert evaluate(proof, action, f"{BUCKET}/x", *NO_HEADERS).answer == "inconclusive"


@pytest.mark.parametrize(
    ("key", "action", "resource"),
    [
        ("kms:EncryptionContext:aws:s3:arn", "kms:Decrypt", "arn:aws:kms:eu-west-1:111122223333:key/x"),
        ("s3:DataAccessPointArn", "s3:PutObject", "arn:aws:s3:::bucket/x"),
    ],
)
def test_keys_that_the_simulator_drops_are_evaluated_under_another_name(key: str, action: str, resource: str) -> None:
    def ask(value: str, *, as_it_is: bool) -> dict[str, Any]:
        allow = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": action, "Resource": "*"}
        question = {
            "principal": "arn:aws:iam::111122223333:role/x",
            "action": action,
            "resource": resource,
            "owner": "111122223333",
            "context": {key: value},
            "identity": {},
            "policy": {"Version": "2012-10-17", "Statement": [{**allow, "Condition": {"StringEquals": {key: "own"}}}]},
            "asItIs": as_it_is,
        }
        (answer,) = SIMULATOR.ask([json.dumps(question)])
        return answer

    # When this fails, the simulator has learnt the key: the stand-in in simulate.mjs can go.
    assert ask("own", as_it_is=True)["ignored"] == [key]
    assert ask("own", as_it_is=False) == {"result": "Allowed", "keys": [key], "ignored": []}
    assert ask("other", as_it_is=False) == {"result": "ImplicitlyDenied", "keys": [key], "ignored": []}


def test_an_answer_that_is_late_is_not_taken_for_the_next_questions() -> None:
    """A test that times out while it waits leaves its answer in the pipe."""
    process = mock.Mock(**{"stdout.readline.side_effect": KeyboardInterrupt})
    asked = Simulator()
    vars(asked)["_process"] = process
    with pytest.raises(KeyboardInterrupt):
        asked.ask(["{}"])
    process.kill.assert_called_once_with()
    assert "_process" not in vars(asked)


def test_evaluators_that_disagree_are_reported(proof: Proof) -> None:
    outcome = next(each for each in proof.outcomes() if each.entry.id == "mongodb-atlas/finds-the-bucket")
    assert outcome.error() is None
    wrong = dataclasses.replace(outcome, live=Verdict("deny")).error()
    assert wrong is not None
    assert wrong.startswith("policy_proof/claims/mongodb-atlas.yaml:")
    assert wrong.endswith("claimed: allow; the simulator says allow; the local cloud says deny")


@pytest.mark.parametrize(
    "value",
    [
        {"Fn::Sub": "arn:aws:s3:::${Bucket}"},
        {"Fn::GetAtt": ["Bucket", "WebsiteURL"]},
        {"Fn::GetAtt": ["Alarm", "Arn"]},
        {"Ref": "Alarm"},
        {"Ref": "Parameter"},
        {"Fn::ImportValue": "of-no-stack"},
        {"Fn::If": ["A", "b", "c"]},
    ],
)
def test_a_reference_that_is_not_known_is_an_error(value: object) -> None:
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "b"}}
    templates = Templates(
        templates={"stack": {"Resources": {"Bucket": bucket, "Alarm": {"Type": "AWS::CloudWatch::Alarm"}}}},
        account="111122223333",
        partition="aws",
        regions={"stack": "eu-west-1"},
    )
    assert (
        templates.resolve("stack", {"Fn::Join": [":", ["x", {"Fn::GetAtt": ["Bucket", "Arn"]}]]}) == "x:arn:aws:s3:::b"
    )
    with pytest.raises(UnresolvedError):
        templates.resolve("stack", value)


def test_a_managed_policy_is_an_error() -> None:
    templates = json.loads(json.dumps(synthesize(EXAMPLE).templates))
    role = next(each for each in templates["acme-prod-core"]["Resources"].values() if each["Type"] == "AWS::IAM::Role")
    role["Properties"]["ManagedPolicyArns"] = ["arn:aws:iam::aws:policy/AdministratorAccess"]
    with pytest.raises(UnresolvedError, match="AdministratorAccess"):
        Cast(load_settings(EXAMPLE), Account(load_settings(EXAMPLE), templates, synthesize(EXAMPLE).regions))


def test_a_context_that_no_caller_brings_is_no_call() -> None:
    caller = session("role", "111122223333", "x", {})
    context = {"aws:SecureTransport": "false"}
    with pytest.raises(NoCallError, match="a caller cannot bring aws:SecureTransport=false"):
        parameters_of(Request(caller=caller, action="s3:GetObject", resource=f"{BUCKET}/x", context=context))


def write(directory: Path, **changes: Any) -> Path:
    """Write a file with one claim, and the shared contexts."""
    claim = {
        "claim": "writes",
        "who": "role",
        "does": "s3:PutObject",
        "to": "<bucket>/x",
        "verdict": "allow",
        "because": "That is the export.",
    }
    file = {"kind": "mongodb-atlas", "about": "One export.", "claims": [{**claim, **changes}]}
    (directory / "one.yaml").write_text(yaml.safe_dump(file))
    (directory / "contexts.yaml").write_text((CLAIMS / "contexts.yaml").read_text())
    return directory


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"verdict": "maybe"}, "one.yaml: claims[0].verdict: Input should be 'allow' or 'deny'"),
        ({"does": "s3:*"}, "one.yaml: claims[0].does[0]: Value error, expected an action such as s3:PutObject"),
        ({"because": "no sentence"}, "one.yaml: claims[0].because: Value error, expected a sentence"),
        ({"wit": {}}, "one.yaml: claims[0].wit: Extra inputs are not permitted"),
        ({"to": []}, "one.yaml: claims[0].to: Value should have at least 1 item"),
        (
            {"brings": {"SourceAccount": "x"}},
            "one.yaml: claims[0].brings.SourceAccount.[key]: Value error, expected a cond",
        ),
        ({"claim": "Writes It"}, "one.yaml: claims[0].claim: Value error, expected lower-case words"),
        (
            {"context": ["over-carrier-pigeon"]},
            "one.yaml:3: one/writes: context: over-carrier-pigeon is not in contexts.y",
        ),
        ({"live": {"ask": "the-oracle"}}, "one.yaml:3: one/writes: live: the-oracle is not under not_called"),
        ({"brings": {"a:b": "x"}, "lacks": ["a:b"]}, "one.yaml:3: one/writes: a:b is both brought and lacking"),
    ],
)
def test_a_error_in_a_file_of_claims_has_its_place(tmp_path: Path, changes: dict[str, Any], error: str) -> None:
    with pytest.raises(ClaimFileError) as caught:
        load_book(write(tmp_path, **changes))
    assert error in str(caught.value)


def test_all_errors_are_reported_at_once(tmp_path: Path) -> None:
    with pytest.raises(ClaimFileError) as caught:
        load_book(write(tmp_path, verdict="maybe", does="s3:*", because="no sentence"))
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"to": "<buket>/x"}, "orders has no <buket>; there are <access-logs>"),
        ({"who": "intruder"}, "who: there is no caller intruder; there are administrator"),
        ({"when": {"shape": "round"}}, "when: shape is no fact of orders; there are"),
    ],
)
def test_a_name_that_stands_for_nothing_is_an_error(
    proof: Proof, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], error: str
) -> None:
    monkeypatch.setattr(proof, "book", load_book(write(tmp_path, **changes)))
    with pytest.raises(ClaimFileError, match=error):
        proof.outcomes()


def test_who_is_killed_while_writing_the_results_leaves_those_of_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "RESULTS", tmp_path / "claims.json")
    results.record("orders", "claims", [{"claim": "1"}])
    results.record("orders", "properties", [{"claim": "2"}])
    before = {"orders": {"claims": [{"claim": "1"}], "properties": [{"claim": "2"}]}}

    def killed(file: Path, text: str, **_: object) -> None:
        with file.open("w") as opened:
            opened.write(text[:9])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", killed)
        with pytest.raises(KeyboardInterrupt):
            results.record("ledger", "claims", [{"claim": "3"}])
    assert json.loads(results.RESULTS.read_text()) == before
    results.record("ledger", "claims", [])
    assert json.loads(results.RESULTS.read_text()) == {"ledger": {"claims": []}, **before}
