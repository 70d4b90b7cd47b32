"""One project's or cluster's lines of an export of several, by the commands of the vendors' pages."""

import gzip
import re
import shlex
from pathlib import Path
from typing import Any

import boto3
from log_shipper.keys import identity_of
from log_shipper.record import Record
from log_shipper.rendering import Renderer, Shape, archive_key

from logdock.settings import load_settings
from logdock.settings.landing import BucketLanding
from tests.cli.conftest import Type
from tests.cli.logs.conftest import mongod
from tests.conftest import ROOT

DAY, TIME = "2026-11-17", "2026-11-17T03:12:00Z"


def commands() -> list[list[str]]:
    """Return the searches of the pages' sections about several projects or clusters."""
    found = []
    for page in ("mongodb-atlas", "cockroachdb", "aurora-mysql"):
        text = (ROOT / "docs" / f"{page}.md").read_text()
        section = text.partition("## Several ")[2].partition("\n## ")[0]
        searches = re.findall(r"`logdock (logs .*?)`", section)
        options = re.findall(r"`(--field source=.*?)`", section)
        found += [shlex.split(each) for each in searches]
        found += [[*shlex.split(searches[0])[:3], *shlex.split(each)] for each in options]
    return found


def test_the_searches_of_the_pages_find_the_lines_of_one_member(aws: None, tmp_path: Path, logdock: Type) -> None:
    file = tmp_path / "logdock.yaml"
    file.write_text((ROOT / "examples" / "many-clusters.yaml").read_text())
    settings = load_settings(file)
    untyped: Any = boto3
    s3 = untyped.client("s3", region_name="eu-west-1")
    where = {"CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}
    s3.create_bucket(Bucket=settings.archive_bucket, **where)
    for export in settings.exports:
        for member in export.members:
            landing = member.landing(settings)
            if isinstance(landing, BucketLanding):
                if member.member_id == export.members[0].member_id:
                    s3.create_bucket(Bucket=landing.bucket, **where)
                key = f"{landing.prefix}Cluster0/host/mongodb/{DAY}T03-12-00.000-mongodb.log"
                s3.put_object(Bucket=landing.bucket, Key=key, Body=mongod(TIME, of=member.member_id).encode())
                continue
            group = landing.names[0]
            renderer = Renderer(Shape(), export=export.name, vendor=export.kind, source=f"cloudwatch:{group}:n1")
            line = renderer.archived(Record(f"of {member.member_id}", TIME, "t"))
            key = archive_key(export.name, TIME, identity_of(group))
            s3.put_object(Bucket=settings.archive_bucket, Key=key, Body=gzip.compress(line))

    searches = commands()

    assert len(searches) == 4
    for arguments in searches:
        (export,) = (each for each in settings.exports if each.name == arguments[2])
        ended = logdock(*arguments, "--since", DAY, "--until", "2026-11-18", "--late", "1000d", "--raw")
        assert ended.code == 0, ended.err
        (found,) = ended.out.splitlines()
        assert str(export.members[0].member_id) in found
