"""What the evaluation on the local cloud is given before any call is made."""

from collections import defaultdict
from unittest import mock

import pytest
from botocore.exceptions import ClientError

from local_cloud.vendor_accounts import Vendors
from logdock.settings import load_settings
from logdock.settings.names import Names
from policy_proof.answers import connected, with_role
from policy_proof.calls import NoCallError, parameters_of
from policy_proof.cast import session
from policy_proof.claim_file import Claim
from policy_proof.deployed import DeployedPolicies
from policy_proof.live import is_tried_live
from policy_proof.proof import Proof
from policy_proof.requests import Request, requests_of
from tests.conftest import EXAMPLES, ROOT, synthesize

USERS_KEY = "arn:aws:kms:us-east-1:111122223333:key/0e5c1d2a-3b4f-4a5b-8c6d-7e8f9a0b1c2d"


def test_every_party_with_role_has_a_principal_at_the_stand_ins() -> None:
    vendors = Vendors(mock.Mock())
    vendors.atlas = mock.Mock(principal_arn="arn:aws:iam::333344445555:root")
    vendors.logzio = mock.Mock(aws_account_id="333344445555")
    vendors.cockroachdb = mock.Mock(clusters=defaultdict(lambda: mock.Mock(account_id="333344445555")))
    left = set()
    for example in EXAMPLES:
        settings = load_settings(example)
        parties = with_role(settings)
        assert {vendors.principal_arn(party) for party in parties.values()} <= {"arn:aws:iam::333344445555:root"}
        left |= {party.kind for name, party in connected(settings).items() if name not in parties}
    assert left == {"cloudflare"}


@pytest.fixture
def proof(request: pytest.FixtureRequest) -> Proof:
    example = ROOT / "examples" / f"{getattr(request, 'param', 'logzio')}.yaml"
    synthesized = synthesize(example)
    return Proof(load_settings(example), synthesized.templates, synthesized.regions)


@pytest.mark.parametrize("whose", ["of the user", "of a template"])
def test_only_key_that_no_template_makes_has_policy_of_a_new_key(
    proof: Proof, whose: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("policy_proof.deployed.say_who_asks_and_whose_it_is", lambda: None)
    key = USERS_KEY if whose == "of the user" else proof.account.keys["acme-prod-archive"]
    stage = mock.Mock()
    missing = ClientError({"Error": {"Code": "NotFoundException"}}, "GetKeyPolicy")
    stage.client.return_value.get_key_policy.side_effect = missing
    statement = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": key}
    policies = {"any": {"Version": "2012-10-17", "Statement": [statement]}}
    request = Request(
        caller=session("user", proof.account.id, "reader", policies), action="kms:Decrypt", resource=key, context={}
    )

    verdict = DeployedPolicies(stage, proof.account, proof.cast).evaluate(request)

    assert verdict.answer == ("allow" if whose == "of the user" else "deny")


@pytest.mark.parametrize("proof", ["everything"], indirect=True)
def test_trust_of_readers_decides_who_assumes_their_role(proof: Proof, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("policy_proof.deployed.say_who_asks_and_whose_it_is", lambda: None)
    deployed = DeployedPolicies(mock.Mock(), proof.account, proof.cast)
    monkeypatch.setattr(deployed, "_read", proof.account.policy_of)
    monkeypatch.setattr(deployed, "_identity", lambda caller: list(caller.policies.values()))
    asked = [
        (claim.verdict, deployed.evaluate(request).answer, request)
        for entry, claim, subject in proof.about(Claim)
        if subject.kind == "readers"
        for request in requests_of(entry, claim, subject, proof.book)
        if request.action.startswith("sts:") and claim.live != "call"
    ]
    assert {verdict for verdict, _, _ in asked} == {"allow", "deny"}
    assert [each for each in asked if each[0] != each[1]] == []


def test_every_claim_that_is_tried_by_a_call_has_one() -> None:
    wrong = set()
    for example in EXAMPLES:
        synthesized = synthesize(example)
        proof = Proof(load_settings(example), synthesized.templates, synthesized.regions)
        names, whole = Names.of(proof.settings), example.stem == "everything"
        for entry, claim, subject in proof.about(Claim):
            is_called = claim.live == "call" and is_tried_live(subject, names, whole=whole)
            for request in requests_of(entry, claim, subject, proof.book) if is_called else ():
                try:
                    parameters_of(request)
                except (KeyError, NoCallError) as error:
                    wrong.add((entry.id, request.action, repr(error)))
    assert wrong == set()
