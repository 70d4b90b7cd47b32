import pytest

from logdock.settings.cross_checks import RESERVED_NAMES
from tests.settings.conftest import Load, Refusal
from tests.settings.documents import EXPORTS, FETCH, OTLP, PUSH, Document, destination, document, export

RESERVED = f"{', '.join(RESERVED_NAMES[1:])}, alerts-<region>, replica-*, ship-*, shipper-*"


def cockroachdb(name: str, cluster: int, **changes: object) -> Document:
    cluster_id = f"f78b7feb-b6cf-4396-9d7f-{cluster:012d}"
    return export("cockroachdb", **{"name": name, "cluster_id": cluster_id, "log_group": f"/acme/{name}", **changes})


def test_rejects_two_exports_of_one_name(refusal: Refusal) -> None:
    assert refusal(document(export("aptible", name="orders"), export("aurora-mysql"), export("mongodb-atlas"))) == [
        "exports[2].name: got 'orders'; expected a name that no other export has: exports[0] has this one"
    ]


def test_rejects_two_destinations_of_one_name(refusal: Refusal) -> None:
    assert refusal(document(destinations=[PUSH, destination(OTLP, name="logz")])) == [
        "destinations[1].name: got 'logz'; expected a name that no other destination has: destinations[0] has this one"
    ]


@pytest.mark.parametrize("name", [
    *RESERVED_NAMES, "alerts-us-east-1", "alerts-rules-us-gov-west-1", "replica-us-east-1", "shipper-us-east-1",
    "ship-logz",
])  # fmt: skip
def test_rejects_a_name_that_logdocks_own_parts_have(refusal: Refusal, name: str) -> None:
    lines = refusal(document(export("aurora-mysql", name=name), destinations=[destination(PUSH, name=name)]))
    expected = f"expected a name other than Logdock's own: archive, {RESERVED}"
    assert lines == [f"{part}[0].name: got '{name}'; {expected}" for part in ("destinations", "exports")]


def test_accepts_a_name_that_only_begins_like_a_reserved_one(load: Load) -> None:
    assert load(document(export("aurora-mysql", name="core-two"), export("aptible", name="alerts-api")))


def test_rejects_a_destination_whose_queue_would_be_anothers_dead_letter_queue(load: Load, refusal: Refusal) -> None:
    (line,) = refusal(document(destinations=[PUSH, destination(OTLP, name="logz-dead")]))
    expected = "a name that does not end in -dead: the dead-letter queue of destinations[0] has this name"
    assert line == f"destinations[1].name: got 'logz-dead'; expected {expected}"
    assert load(document(destinations=[PUSH, destination(OTLP, name="lake-dead")]))


@pytest.mark.parametrize("first", [True, False])
def test_rejects_exports_whose_stacks_have_one_name(refusal: Refusal, first: bool) -> None:
    exports = [
        cockroachdb("ledger", 1, regions=["eu-west-1", "us-east-1"]),
        export("aurora-mysql", name="ledger-us-east-1"),
    ]
    (line,) = refusal(document(*(exports if first else exports[::-1])))
    assert line.startswith(
        f"exports[1].name: got '{'ledger-us-east-1' if first else 'ledger'}'; expected a name that leads"
    )
    assert "<deployment>-ledger-us-east-1 is also the stack of exports[0]" in line


def test_accepts_multi_region_exports_side_by_side(load: Load) -> None:
    both = ["eu-west-1", "us-east-1"]
    assert load(document(cockroachdb("ledger", 1, regions=both), cockroachdb("sales", 2, regions=both)))


def test_rejects_a_reader_whose_role_would_be_an_exports_role(load: Load, refusal: Refusal) -> None:
    exported = export("cloudwatch-logs", name="logz")
    (line,) = refusal(document(exported, destinations=[destination(FETCH, name="logz")]))
    assert line.startswith("destinations[0].name: got 'logz'; expected a name that no export has (exports[0] has it)")
    assert load(document(exported, destinations=[PUSH]))


def test_rejects_a_destination_that_does_not_exist(refusal: Refusal) -> None:
    assert refusal(document(export("cloudwatch-logs", ship_to=["archive", "lgoz"]), destinations=[PUSH, OTLP])) == [
        "exports[0].ship_to[1]: got 'lgoz'; expected one of the destinations of this file: archive, lake, logz"
    ]


@pytest.mark.parametrize("kind", [kind for kind in EXPORTS if kind != "aptible"])
def test_accepts_the_archive_as_a_destination_of_every_kind(load: Load, kind: str) -> None:
    assert load(document(export(kind, ship_to=["archive"]))).exports[0].ship_to == ("archive",)


def test_rejects_a_destination_given_twice(refusal: Refusal) -> None:
    (line,) = refusal(document(export("cloudwatch-logs", ship_to=["logz", "logz"]), destinations=[PUSH]))
    assert line.endswith("expected each entry once (logz is there twice)")


def test_rejects_a_landing_in_another_region_than_the_aptible_stack(refusal: Refusal) -> None:
    (line,) = refusal(document(export("aptible", stack_region="us-east-1")))
    assert line.startswith(
        "exports[0].stack_region: got 'us-east-1'; expected the deployment's region, eu-west-1: Aptible replicates to "
        "a bucket in its stack's Region only"
    )


def test_accepts_ten_export_paths_in_a_project_and_rejects_eleven(load: Load, refusal: Refusal) -> None:
    exports = [export("mongodb-atlas", name=f"orders-{number}") for number in range(12)]
    other = export("mongodb-atlas", name="other", project_id="f" * 24)
    assert len(load(document(*exports[:10], other)).exports) == 11
    (line,) = refusal(document(*exports[:10], other, exports[10]))
    expected = "expected at most 10 export paths in one Atlas project; this one has 11"
    assert line == f"exports[11].project_id: got '5e2211c17a3e5a48f5497de3'; {expected}"
    assert len(refusal(document(*exports))) == 1


@pytest.mark.parametrize(
    ("first", "setting"),
    [(export("rds"), "instance_id"), (export("aurora-mysql", cluster_id="shop"), "cluster_id")],
)
def test_rejects_two_exports_of_one_database(refusal: Refusal, first: Document, setting: str) -> None:
    second = export("rds", name="second")
    if setting == "cluster_id":
        second |= {"engine": "aurora-postgresql", "cluster_id": second.pop("instance_id")}
    (line,) = refusal(document(first, second))
    noun = setting.removesuffix("_id")
    expected = f"a {noun} that no other export has (exports[0] has it): a {noun} has one log export"
    assert line == f"exports[1].{setting}: got 'shop'; expected {expected}"


def test_accepts_a_cluster_and_an_instance_of_one_name(load: Load) -> None:
    assert load(document(export("rds"), export("aurora-mysql", cluster_id="shop")))


@pytest.mark.parametrize("kind", ["cockroachdb", "aurora-mysql"])
def test_rejects_two_exports_of_one_cluster(refusal: Refusal, kind: str) -> None:
    second = export(kind, name="second", **({"log_group": "/other"} if kind == "cockroachdb" else {}))
    (line,) = refusal(document(export(kind), second))
    assert line.startswith("exports[1].cluster_id: got ")
    assert line.endswith("a cluster that no other export has (exports[0] has it): a cluster has one log export")


@pytest.mark.parametrize("archive", [{}, {"archive": {"compact": False}}])
def test_rejects_a_columnar_copy_of_what_is_not_compacted(refusal: Refusal, archive: Document) -> None:
    (line,) = refusal(document(sql={"format": "parquet"}, **archive))
    assert line.startswith("sql.format: got 'parquet'; expected json, or `archive: {compact: true}`: ")


def test_accepts_a_columnar_copy_of_what_is_compacted(load: Load) -> None:
    assert load(document(sql={"format": "parquet"}, archive={"compact": True})).is_columnar
    assert not load(document(sql={}, archive={"compact": True})).is_columnar
