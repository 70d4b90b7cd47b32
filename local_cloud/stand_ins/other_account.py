"""What must not work between the accounts of a deployment: attempts as the administrators of each."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from local_cloud.markers import new_uuid
from local_cloud.stand_ins.sessions import assume, role_session
from logdock.settings.names import Names

if TYPE_CHECKING:
    from local_cloud.journal import Journal
    from local_cloud.stage import Stage
    from logdock.settings.exports import Export

_DEADLINE_SECONDS = 60.0
_POLL_SECONDS = 0.3
_SEND = {"Effect": "Allow", "Action": "events:PutEvents", "Resource": "*"}
_ENTER = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}


class OtherAccount:
    """The account that an export lands in, the other accounts of the deployment, and that of the archive."""

    def __init__(self, stage: Stage, export: Export, journal: Journal) -> None:
        self._stage, self._export, self._journal = stage, export, journal
        self._names = Names.of(stage.settings)
        self._theirs = self._names.in_account(export.other_account)
        self._bucket = str(export.landing(stage.settings).document["bucket"])

    def play(self) -> None:
        """Try everything, the rules last: they need time."""
        self._reach_the_archive(self._theirs.account)
        others = {each.other_account for each in self._stage.settings.exports if each.other_account}
        for account in (self._names.account, *sorted(others - {self._theirs.account})):
            self._reach_the_landing(account)
        self._announce_with_another_role()
        self._announce_another_bucket()

    def _administrator(self, service: str, account: str) -> Any:
        return self._stage.client(service, role_session(self._stage, account, "administrator"))

    def _reach_the_archive(self, account: str) -> None:
        s3, archive = self._administrator("s3", account), self._stage.archive_bucket
        events = self._administrator("events", account)
        session = role_session(self._stage, account, "administrator")
        shipper = self._names.role_arn(self._names.shipper(self._export.ship_to[0]))
        entry = {"Source": "acme", "DetailType": "x", "Detail": "{}", "EventBusName": self._names.landings_bus_arn}
        self._journal.attempt_all(
            [
                ("list the archive from the landing's account", lambda: s3.list_objects_v2(Bucket=archive)),
                ("read the archive from there", lambda: s3.get_object(Bucket=archive, Key="logs/x")),
                ("write into it from there", lambda: s3.put_object(Bucket=archive, Key="logs/x", Body=b"{}")),
                ("assume a shipper's role from there", lambda: assume(self._stage, session, shipper)),
                ("announce without the landing's role", lambda: events.put_events(Entries=[entry])),
            ]
        )

    def _reach_the_landing(self, account: str) -> None:
        s3 = self._administrator("s3", account)
        where = {"Bucket": self._bucket, "Key": "x"}
        policy = '{"Version":"2012-10-17","Statement":[]}'
        self._journal.attempt_all(
            [
                (f"list the landing as {account}", lambda: s3.list_objects_v2(Bucket=self._bucket)),
                (f"read the landing as {account}", lambda: s3.get_object(**where)),
                (f"write into the landing as {account}", lambda: s3.put_object(**where, Body=b"{}")),
                (f"delete what landed as {account}", lambda: s3.delete_object(**where)),
                (
                    f"replace the landing's policy as {account}",
                    lambda: s3.put_bucket_policy(Bucket=self._bucket, Policy=policy),
                ),
            ]
        )

    def _announce_with_another_role(self) -> None:
        """A rule of that account with a role of its own: the bus's policy does not name it."""
        iam, events = (self._stage.client(name, self._theirs.account) for name in ("iam", "events"))
        name = "rogue"
        role = iam.create_role(
            RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [_ENTER]})
        )["Role"]
        send = json.dumps({"Version": "2012-10-17", "Statement": [_SEND]})
        iam.put_role_policy(RoleName=name, PolicyName=name, PolicyDocument=send)
        events.put_rule(Name=name, EventPattern=json.dumps({"source": ["acme"]}))
        target = {"Id": name, "Arn": self._names.landings_bus_arn, "RoleArn": role["Arn"]}
        events.put_targets(Rule=name, Targets=[target])
        events.put_events(Entries=[{"Source": "acme", "DetailType": "x", "Detail": "{}"}])
        self._journal.check(
            "a rule of that account with another role announces nothing",
            self._counted("FailedInvocations", {"RuleName": name}, self._theirs.account),
        )
        events.remove_targets(Rule=name, Ids=[name])
        events.delete_rule(Name=name)

    def _announce_another_bucket(self) -> None:
        """The landing's own rule, changed by that account's administrator: the central rule names the bucket."""
        s3, events = (self._stage.client(name, self._theirs.account) for name in ("s3", "events"))
        bucket, name = f"rogue-{self._theirs.account}", self._names.export(self._export.name)
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": self._stage.settings.region})
        on: dict[str, Any] = {"EventBridgeConfiguration": {}}
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=on)
        rule = events.describe_rule(Name=name)
        pattern = json.loads(rule["EventPattern"])
        changed = {**pattern, "detail": {"bucket": {"name": [bucket]}}}
        key, marker = f"{self._export.landing(self._stage.settings).document.get('prefix') or ''}x.log", new_uuid()
        self._journal.forbidden.add(marker)
        rules = {"EventBusName": self._names.landings_bus, "RuleName": name}
        before = self._sum("MatchedEvents", rules, self._names.account)
        sent = self._sum("MatchedEvents", {"RuleName": name}, self._theirs.account)
        events.put_rule(Name=name, EventPattern=json.dumps(changed))
        try:
            s3.put_object(Bucket=bucket, Key=key, Body=f"{marker}\n".encode())
            deadline = time.monotonic() + _DEADLINE_SECONDS
            while self._sum("MatchedEvents", {"RuleName": name}, self._theirs.account) <= sent:
                if time.monotonic() > deadline:
                    self._journal.check("the changed rule announced the other bucket's object", False)
                    return
                time.sleep(_POLL_SECONDS)
        finally:
            events.put_rule(Name=name, EventPattern=rule["EventPattern"])
        self._journal.check(
            "the landing's rule announces no object of another bucket, changed or not",
            self._sum("MatchedEvents", rules, self._names.account) == before,
        )

    def _counted(self, metric: str, dimensions: dict[str, str], account: str) -> bool:
        deadline = time.monotonic() + _DEADLINE_SECONDS
        while not self._sum(metric, dimensions, account):
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def _sum(self, metric: str, dimensions: dict[str, str], account: str) -> float:
        now = time.time()
        answer = self._stage.client("cloudwatch", account).get_metric_statistics(
            Namespace="AWS/Events",
            MetricName=metric,
            Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
            StartTime=now - 3600,
            EndTime=now + 60,
            Period=60,
            Statistics=["Sum"],
        )
        return float(sum(point["Sum"] for point in answer["Datapoints"]))
