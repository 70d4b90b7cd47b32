"""A record is recognised by its marker, in whatever way its format writes it."""

import pytest

from local_cloud.markers import Sightings, candidates, new_hex, new_number, new_uuid


@pytest.mark.parametrize(
    ("record", "marker"),
    [
        ('{"attr":{"uuid":{"$uuid":"fa658f9e-9cd6-42d4-b1c8-c9160fabf2a2"}}}', "fa658f9e-9cd6-42d4-b1c8-c9160fabf2a2"),
        ('{"SessionID":"17951f0b8c4c4ba80000000000000001"}', "17951f0b8c4c4ba80000000000000001"),
        ("1612119892335696,host,user,10.1.15.240,8,8139,QUERY,db,'SELECT 1',0", "1612119892335696"),
        ("2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21", "1235b8ca123456789"),
        ("BACKUP job 887382912345678849: stepping through state running", "887382912345678849"),
        ('{"xray_trace_id":"5759e988bd862e3fe1be46a994272793"}', "5759e988bd862e3fe1be46a994272793"),
    ],
)
def test_finds_a_marker_in_its_field(record: str, marker: str) -> None:
    assert marker in candidates(record)


def test_finds_every_marker_it_makes() -> None:
    made = [new_uuid(), new_number(), *(new_hex(digits) for digits in (16, 17, 32))]

    assert all(marker in candidates(f"[{marker}]") for marker in made)


def test_does_not_find_a_marker_in_a_longer_one() -> None:
    assert "a" * 16 not in candidates("a" * 40)


def test_counts_a_record_once_however_often_it_repeats_its_marker() -> None:
    seen, marker = Sightings(), new_uuid()

    seen.see([f"{marker} {marker}"])

    assert seen.duplicates({marker}) == 0


def test_counts_a_record_that_came_again() -> None:
    seen, marker, other = Sightings(), new_uuid(), new_uuid()

    seen.see([f"a {marker}", f"b {marker}", f"c {other}"])

    assert (seen.of({marker}), seen.duplicates({marker})) == ({marker}, 1)
