import pytest

from tests.costly import sample
from tests.settings.conftest import Load, Refusal
from tests.settings.documents import FETCH, OTLP, PUSH, destination, document, export

SECRETS = [
    "dHFmNqSSvBMdKxYzPzWGxZtLjQqRkNvb",
    "0a1b2c3d4e5f60718293a4b5c6d7e8f9",
    "AKIA" + "IOSFODNN7EXAMPLE",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "Bearer abcdef",
    "CCDB1_D4zlI3pmTmk5rGrzYqMhbc_NkcXLI8d81",
    "mdb_sa_sk_xyz",
    "f78b7feb-b6cf-4396-9d7f-494982d7d81e",
    "q8Zr1t+/3kfU9aVbnmQwXy7s2Lc0EoPd4HjTgR6iKuM=",
    "api-key-9f8e7d6c5b4a39281706f5e4d3c2b1a0",
    "hunter two three",
]
NAMES = [
    "acme/logzio",
    "logzio",
    "prod/observability/otel-headers",
    "LogzioToken",
    "arn:aws:secretsmanager:eu-west-1:111122223333:secret:acme/logzio-AbCdEf",
    "arn:aws-us-gov:secretsmanager:us-gov-west-1:111122223333:secret:0a1b2c3d4e5f60718293a4b5c6d7e8f9-AbCdEf",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_rejects_a_pasted_secret_without_printing_it(refusal: Refusal, secret: str) -> None:
    lines = refusal(
        document(
            export("aptible", decryption_keys_secret=secret),
            destinations=[destination(PUSH, token_secret=secret), destination(OTLP, headers_secret=secret)],
        )
    )
    places = [
        "destinations[0].token_secret",
        "destinations[1].headers_secret",
        "exports[0].decryption_keys_secret",
    ]
    assert [line.split(": ")[0] for line in lines] == places
    for line in lines:
        assert "expected the NAME or ARN of a secret in AWS Secrets Manager, such as acme/logzio" in line
        assert secret not in line
        assert secret[:8] not in line


@pytest.mark.parametrize("name", NAMES)
def test_accepts_the_name_or_arn_of_a_secret(load: Load, name: str) -> None:
    region = {"region": "us-gov-west-1"} if "us-gov" in name else {}
    assert load(document(destinations=[destination(PUSH, token_secret=name)]) | region)


@pytest.mark.parametrize("secret", sample([s for s in SECRETS if " " not in s], 4))
@pytest.mark.parametrize(
    "place",
    [
        "unknown kind",
        "kind missing",
        "misspelt",
        "unknown setting",
        "wrong type",
        "in a list",
        "bare",
        "wrong mode",
    ],
)
def test_a_secret_is_not_printed_inside_a_larger_value(refusal: Refusal, place: str, secret: str) -> None:
    wrong: object = {
        "unknown kind": destination(PUSH, kind="logz", token_secret=secret),
        "kind missing": destination(PUSH, kind=None, token_secret=secret),
        "misspelt": destination(PUSH, tokn_secret=secret),
        "unknown setting": destination(OTLP, headers={"Authorization": secret}),
        "wrong type": destination(PUSH, token_secret=[secret]),
        "in a list": [secret],
        "bare": secret,
        "wrong mode": destination(FETCH, token_secret=secret),
    }[place]
    text = "\n".join(refusal(document(destinations=[wrong])))
    assert text.startswith("destinations[0]")
    assert secret not in text
    assert secret[:8] not in text


def test_a_password_or_token_in_an_address_is_not_printed(refusal: Refusal) -> None:
    urls = ["https://me:hunter2@otel.acme.example", "https://listener.logz.io:8071/?token=hunter2&type=x"]
    wrong = [destination(OTLP, name=f"lake-{i}", endpoint=url) for i, url in enumerate(urls)]
    lines = refusal(document(destinations=wrong))
    assert [line.split(";")[0] for line in lines] == [
        "destinations[0].endpoint: got 'https://***@otel.acme.example'",
        "destinations[1].endpoint: got 'https://listener.logz.io:8071/?***'",
    ]


def test_a_key_of_a_known_format_is_not_printed_wherever_it_stands(refusal: Refusal) -> None:
    key = "AKIA" + "IOSFODNN7EXAMPLE"
    text = "\n".join(refusal(document(export("cloudwatch-logs", name=key, **{key: 1}), deployment=f"x {key}")))
    assert key not in text
    assert text.count("looks like a secret") == 3


def test_a_secret_in_broken_yaml_is_not_printed(load: Load) -> None:
    from logdock.settings import SettingsError

    with pytest.raises(SettingsError) as caught:
        load("destinations:\n  - {name: logz, token_secret: hunter2-hunter2\n  - x: y\n")
    assert "hunter2" not in str(caught.value)
    assert "logdock.yaml:2:5: is not valid YAML" in str(caught.value)


@pytest.mark.parametrize("value", [["hunter2"], {"value": "hunter2"}, 70704242])
def test_what_stands_in_place_of_a_secrets_name_is_not_printed(refusal: Refusal, value: object) -> None:
    (line,) = refusal(document(destinations=[destination(PUSH, token_secret=value)]))
    assert line.startswith("destinations[0].token_secret: got a ")
    assert "hunter2" not in line
    assert "7070" not in line


def test_a_mapping_in_place_of_a_text_is_not_printed(refusal: Refusal) -> None:
    (line,) = refusal(document(destinations=[destination(OTLP, endpoint={"url": "x", "token": "hunter2"})]))
    assert line.startswith("destinations[0].endpoint: got a mapping; expected a string")
    assert "hunter2" not in line
