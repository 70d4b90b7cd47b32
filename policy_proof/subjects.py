"""What the claims are about in a deployment: each export, vendor's role, destination, bucket, key and log group."""

from collections.abc import Iterator
from typing import Any

from constructs_lib.log_group import FUNCTION_LOG_DAYS
from local_cloud.stage import UNRELATED_ACCOUNT
from logdock.settings.destinations import ARCHIVE
from logdock.settings.export_base import BucketExport, LogGroupExport
from logdock.settings.exports import Export
from logdock.settings.landing import LogGroupLanding
from logdock.settings.names import Names
from logdock.vendors.aptible.settings import AptibleExport
from logdock.vendors.aurora_mysql.settings import AuroraMysqlExport
from logdock.vendors.cloudflare.settings import CloudflareExport
from logdock.vendors.cloudwatch_logs.settings import CloudwatchLogsExport
from logdock.vendors.cockroachdb.settings import CockroachdbExport
from logdock.vendors.logzio.settings import LogzioDestination
from logdock.vendors.mongodb_atlas.settings import MongodbAtlasExport
from logdock.vendors.rds.settings import RdsExport
from logdock.vendors.registry import UnknownKindError
from logdock.vendors.s3_logs.settings import S3LogsExport
from policy_proof.answers import connected, name_of, with_role
from policy_proof.cast import EVERYTHING, Caller, Cast, Subject, Values, session, user


def subjects(cast: Cast) -> Iterator[Subject]:
    """Yield everything that files of claims are about."""
    names = cast.names
    yield cast.subject("core", "core", (names.core_stack, *_stacks_of(cast, "shipper")), {})
    for region in cast.settings.regions:
        yield _alerts(cast, region)
    for export in cast.settings.exports:
        for member in export.members:
            yield _export(cast, member)
    yield from _other_accounts(cast)
    yield from _log_groups_elsewhere(cast)
    yield from _vendor_roles(cast)
    yield from _fetchers(cast)
    yield from _archives_at_logzio(cast)
    yield from _shippers(cast)
    yield from _compactor(cast)
    yield from _connectors(cast)
    yield from _buckets(cast)
    yield from _keys(cast)
    yield from _log_groups(cast)
    yield from _streams(cast)
    yield from _metrics(cast)
    yield from _functions(cast)
    yield from _readers(cast)


def _alerts(cast: Cast, region: str) -> Subject:
    """Return the subjects of a Region's alarm notifications."""
    names, alerts = cast.names, cast.settings.alerts
    at_home, suffix = region == names.region, "" if region == names.region else f"-{region}"
    here = f"{region}:{names.account}"
    own = f"arn:{names.partition}:sns:{here}:{names.alerts}"
    topics = (own, *(arn for arn in alerts.sns_topic_arns if arn.split(":")[3] == region))
    role, rules_role = f"{names.alerts}{suffix}", f"{names.alerts}-rules{suffix}"
    machine = f"arn:{names.partition}:states:{here}:stateMachine"
    rule = f"arn:{names.partition}:events:{here}:rule"
    webhooks = tuple(
        each.arn for each in cast.account.of_type("AWS::Events::ApiDestination") if each.arn.split(":")[3] == region
    )
    values: Values = {
        "alarm": f"arn:{names.partition}:cloudwatch:{here}:alarm:{names.deployment}/x",
        "event-bus": f"arn:{names.partition}:events:{here}:event-bus/default",
        "every-key-here": tuple(arn for arn in cast.account.keys.values() if arn.split(":")[3] == region),
        "machine": f"{machine}:{names.alerts}",
        "other-machine": f"{machine}:another",
        "other-rule": f"{rule}/another",
        "other-topic": f"arn:{names.partition}:sns:{here}:another",
        "other-webhook": f"arn:{names.partition}:events:{here}:api-destination/another/1f6b2c3d",
        "region-of-alarms": region,
        "role": names.role_arn(role),
        "rule": f"{rule}/{names.alerts}-state",
        "rules-role": names.role_arn(rules_role),
        "alert-topic": topics,
        "topic-key": cast.account.keys[
            f"{names.deployment}-archive" if at_home else names.in_region("shipper", region)
        ],
        "webhook": webhooks,
    }
    callers = {"reminders": cast.own_role("reminders", role), "rules": cast.own_role("rules", rules_role)}
    stacks = (names.core_stack if at_home else names.in_region("shipper", region),)
    facts = {"webhook": alerts.webhook is not None}
    return cast.subject("alerts", region, stacks, values, facts=facts, callers=callers)


def _export(cast: Cast, export: Export) -> Subject:
    stacks = _stacks_of(cast, export.name)
    values, facts = _about(cast, export)
    callers: dict[str, Caller | tuple[Caller, ...]] = {**cast.connector(export.name), **cast.shippers(export.ship_to)}
    if isinstance(export, BucketExport) and export.bucket_principal_arn:
        callers |= cast.vendor(export.bucket_principal_arn)
    for name, _, principal, _ in trusting(cast):
        callers |= cast.vendor(principal) if name == name_of(export) else {}
    if role := cast.account.roles.get(cast.names.vendor_role(export.name, export.member_id)):
        values["role"] = role.arn
        callers["role"] = cast.own_role("role", role.name)
    values["key"] = tuple(arn for alias, arn in cast.account.keys.items() if alias in stacks)
    elsewhere = export.other_account is not None
    encryption = getattr(export, "encryption", None)
    everything = {**export.model_dump(), "encryption": encryption, "elsewhere": elsewhere, **facts}
    return cast.subject(export.kind, name_of(export), stacks, values, facts=everything, callers=callers)


def _other_accounts(cast: Cast) -> Iterator[Subject]:
    """Yield each export that lands in another account, with who is there and who is in the deployment's."""
    settings, names = cast.settings, cast.names
    landings = [each for each in settings.exports if each.announcing_account]
    queues = tuple(names.queue_arn(each) for each in settings.shippers)
    for export in landings:
        theirs = names.in_account(export.other_account)
        bucket = str(export.landing(settings).document["bucket"])
        role = names.announcing_role(export.name)
        here = f"arn:{names.partition}:events:{names.region}"
        others = [each for each in landings if each.other_account != export.other_account]
        not_shipped = tuple(each for each in settings.shippers if each not in export.ship_to)
        values: Values = {
            "bus": names.landings_bus_arn,
            "bus-name": names.landings_bus,
            "bus-rule": f"{here}:{names.account}:rule/{names.announcing_rule(export)}",
            "announcing-roles": " | ".join(
                names.in_account(each.other_account).role_arn(names.announcing_role(each.name)) for each in landings
            ),
            "other-bus": tuple(f"{here}:{each}:event-bus/default" for each in (names.account, theirs.account)),
            "bucket": names.bucket_arn(bucket),
            "bucket-name": bucket,
            "key": _stacks_key(cast, names.landing_stack(export.name)),
            "role": theirs.role_arn(role),
            "rule": f"{here}:{theirs.account}:rule/{names.export(export.name)}",
            "queue": queues,
            "own-configuration": names.parameter_arn(f"{names.parameter_path}{export.name}", names.region),
            "shipper-role": tuple(names.role_arn(names.shipper(each)) for each in settings.shippers),
        }
        callers: dict[str, Caller | tuple[Caller, ...]] = {
            **cast.shippers(export.ship_to),
            "announcer": cast.own_role("announcer", role),
            "archive-administrator": _administrator("archive-administrator", names.account),
            "other-administrator": tuple(
                _administrator("other-administrator", account)
                for account in sorted({each.other_account or "" for each in others})
            ),
            "other-shipper": tuple(cast.own_role("other-shipper", names.shipper(each)) for each in not_shipped),
        }
        vendor = names.vendor_role(export.name, None)
        callers["vendors-role"] = (cast.own_role("vendors-role", vendor),) if vendor in cast.account.roles else ()
        facts = {"encrypted": export.has_own_key}
        stacks = (*_stacks_of(cast, export.name), names.core_stack)
        yield cast.subject("other-account", export.name, stacks, values, facts=facts, callers=callers)


def _log_groups_elsewhere(cast: Cast) -> Iterator[Subject]:
    """Yield each export that lands in log groups of another account, with who is there and in the deployment's."""
    settings, names = cast.settings, cast.names
    elsewhere = [each for each in settings.exports if each.other_account]
    landings = [each for each in elsewhere if not each.announcing_account]
    for export in landings:
        theirs, role = names.in_account(export.other_account), names.destination_role(export.name)
        others = sorted({each.other_account or "" for each in elsewhere} - {theirs.account})
        landing = export.landing(settings)
        assert isinstance(landing, LogGroupLanding)
        named = [theirs.log_group_arn(each, names.region) for each in landing.names]
        values: Values = {
            **_groups(named),
            "destination": names.destination_arn(export.name),
            "other-destination": tuple(
                names.destination_arn(each.name) for each in landings if each.other_account != export.other_account
            ),
            "sender": (UNRELATED_ACCOUNT, *others),
            "stream": names.stream_arn(names.region),
            "role": names.role_arn(role),
            "own-configuration": names.parameter_arn(f"{names.parameter_path}{export.name}", names.region),
        }
        vendor = names.vendor_role(export.name, None)
        callers: dict[str, Caller | tuple[Caller, ...]] = {
            "writer": cast.own_role("writer", role),
            "archive-administrator": _administrator("archive-administrator", names.account),
            "other-administrator": tuple(_administrator("other-administrator", each) for each in others),
            "vendors-role": (cast.own_role("vendors-role", vendor),) if vendor in cast.account.roles else (),
        }
        yield cast.subject("other-account-logs", export.name, _stacks_of(cast, export.name), values, callers=callers)


def _administrator(caller: str, account: str) -> Caller:
    return session(caller, account, "administrator", {"everything": EVERYTHING})


def _about(cast: Cast, export: Export) -> tuple[dict[str, str | tuple[str, ...]], dict[str, Any]]:
    """Return what is particular to a kind: values and facts."""
    names = cast.names.in_account(export.other_account)
    match export:
        case MongodbAtlasExport():
            bucket = names.bucket_arn(export.landing(cast.settings).bucket)
            values: dict[str, str | tuple[str, ...]] = {
                "bucket": bucket,
                "prefix": export.prefix,
                "own-path": f"{bucket}/{export.prefix}",
                "other-members-path": tuple(f"{bucket}/{each.prefix}" for each in _other_members(cast, export)),
            }
            if export.mrap_arn:
                replicas = tuple(names.bucket_arn(each) for each in export.mrap_buckets)
                values |= {"access-point": export.mrap_arn, "replica": replicas, "replica-key": export.mrap_key_arns}
            else:
                values |= {"access-point": (), "replica": (), "replica-key": ()}
            return values, {"access_point": export.mrap_arn is not None, "is_member": bool(export.member_id)}
        case CockroachdbExport():
            regions = export.regions or (names.region,)
            arns = [names.log_group_arn(each, region) for region in regions for each in export.log_groups]
            others = [
                names.log_group_arn(each, region)
                for region in regions
                for other in _other_members(cast, export)
                for each in other.log_groups
            ]
            not_its = {"other-members-log-stream": _groups(others)["log-stream"]}
            return {**_groups(arns), **not_its}, {"is_member": bool(export.member_id)}
        case AuroraMysqlExport():
            rds = f"arn:{names.partition}:rds:{names.region}:{names.account}"
            arns = [names.log_group_arn(each, names.region) for each in export.log_group_names]
            own: dict[str, str | tuple[str, ...]] = {
                "cluster": f"{rds}:cluster:{export.database_id}",
                "own-group": f"{rds}:cluster-pg:{names.parameter_group(export.name, export.member_id)}",
                "role": (),
            }
            return {**_groups(arns), **own}, {}
        case RdsExport():
            rds = f"arn:{names.partition}:rds:{names.region}:{names.account}"
            arns = [names.log_group_arn(each, names.region) for each in export.log_group_names]
            kind, group = ("cluster", "cluster-pg") if export.is_cluster else ("db", "pg")
            own = {
                "database": f"{rds}:{kind}:{export.database_id}",
                "own-group": f"{rds}:{group}:logdock-{names.export(export.name)}",
            }
            return {**_groups(arns), **own}, {"is_cluster": export.is_cluster}
        case AptibleExport():
            # One role of Aptible's replicates into every bucket that names it.
            same = [
                each
                for each in cast.settings.exports
                if isinstance(each, AptibleExport) and each.replication_role_arn == export.replication_role_arn
            ]
            of_bucket = {
                names.bucket_arn(each.landing(cast.settings).bucket): cast.account.keys.get(names.export(each.name))
                for each in same
            }
            values = {
                "bucket": names.bucket_arn(export.landing(cast.settings).bucket),
                "vendors-bucket": tuple(of_bucket),
                "encrypted-bucket": tuple(arn for arn, key in of_bucket.items() if key),
                "vendors-key": tuple(key for key in of_bucket.values() if key),
            }
            return values, {}
        case CloudflareExport():
            # One user of Cloudflare's writes into every bucket that names it.
            written = [each for each in cast.settings.exports if isinstance(each, CloudflareExport)]
            buckets = {each.name: names.bucket_arn(each.landing(cast.settings).bucket) for each in written}
            encrypted = [cast.account.keys.get(names.export(each.name)) for each in written if each.encryption == "kms"]
            values = {
                "bucket": buckets[export.name],
                "prefix": export.prefix,
                "own-path": tuple(f"{buckets[each.name]}/{each.prefix}" for each in written),
                "vendors-bucket": tuple(buckets[each.name] for each in written if each.encryption == "kms"),
                "vendors-key": tuple(key for key in encrypted if key),
            }
            return values, {"connected": export.connect is not None}
        case S3LogsExport():
            bucket = names.bucket_arn(export.landing(cast.settings).bucket)
            landing = f"{bucket}/{export.prefix}" if export.prefix else bucket
            facts = {"existing": export.existing_bucket is not None, "has_prefix": export.prefix is not None}
            return {"bucket": bucket, "landing": landing}, facts
        case CloudwatchLogsExport():
            named = [names.log_group_arn(each, names.region) for each in export.log_groups]
            found = [names.log_group_arn(f"{each}one", names.region) for each in export.log_group_prefixes]
            values = {**_groups(named), "found-log-stream": _groups(found)["log-stream"]}
            return values, {"keeps": export.retention_days is not None, "prefixes": bool(found)}
    raise UnknownKindError(f"policy_proof.subjects: what is particular to an export of kind {export.kind} is not known")


def _other_members(cast: Cast, export: Export) -> Iterator[Any]:
    """Yield the other projects or clusters of an export that has several."""
    whole = next(each for each in cast.settings.exports if each.name == export.name)
    yield from (each for each in whole.members if each.member_id != export.member_id)


def role_name(names: Names, party: str) -> str:
    """Return the role of an export, of a member of one (`<export>/<member>`), or of a destination."""
    name, _, member_id = party.partition("/")
    return names.vendor_role(name, member_id or None)


def _stacks_of(cast: Cast, name: str) -> tuple[str, ...]:
    """Return the stacks of an export, or of the shipper: one in each of its Regions, that of a landing first."""
    landing = cast.names.landing_stack(name)
    found = [stack for stack, region in cast.account.regions.items() if stack == cast.names.in_region(name, region)]
    return (landing, *found) if landing in cast.account.regions else tuple(found)


def _vendor_roles(cast: Cast) -> Iterator[Subject]:
    names = cast.names
    for name, party, principal, external_ids in trusting(cast):
        others = [each for _, _, _, ids in trusting(cast) for each in ids if each not in external_ids]
        role, party_name = role_name(names, name), name.partition("/")[0]
        keys = tuple(arn for alias, arn in cast.account.keys.items() if alias in _stacks_of(cast, party_name))
        values: Values = {
            "role": cast.account.roles[role].arn,
            "role-name": role,
            "external-id": external_ids,
            "other-external-id": tuple(dict.fromkeys(others)),
            "session-seconds": str(party.session_seconds),
            # What is read of the archive is read with the archive's key.
            "key": keys or (cast.account.keys[f"{names.deployment}-archive"],),
        }
        callers = {**cast.vendor(principal), "role": cast.own_role("role", role)}
        stacks = _stacks_of(cast, party_name) or (names.in_region("shipper", names.region),)
        yield cast.subject("vendor-role", name, stacks, values, callers=callers)


def trusting(cast: Cast) -> Iterator[tuple[str, Any, str, tuple[str, ...]]]:
    """Yield who has a role here: name, settings, principal and external ids."""
    partition, answers = cast.names.partition, cast.account.answers
    for name, party in with_role(cast.settings).items():
        yield name, party, answers[name].principal_arn, (answers[name].external_id,)
    for export in cast.settings.exports:
        if getattr(export, "connect", None):
            continue
        if isinstance(export, MongodbAtlasExport):
            yield export.name, export, export.atlas_principal_arn or "", export.external_id or ()
        elif isinstance(export, CockroachdbExport):
            principal = f"arn:{partition}:iam::{export.cluster_account_id}:root"
            yield export.name, export, principal, export.trusted_external_ids
    for destination in cast.settings.destinations:
        if not isinstance(destination, LogzioDestination) or destination.mode != "fetch":
            continue
        principal, ids = f"arn:{partition}:iam::{destination.account_id}:root", destination.external_id or ()
        if destination.connect:
            principal, ids = answers[destination.name].principal_arn, (answers[destination.name].external_id,)
        else:
            yield destination.name, destination, principal, ids
        if destination.archive_and_restore:
            yield f"{destination.name}_archive", destination, principal, ids


def _fetchers(cast: Cast) -> Iterator[Subject]:
    names = cast.names
    archive = names.bucket_arn(names.bucket("archive"))
    for destination in cast.settings.destinations:
        if not isinstance(destination, LogzioDestination) or destination.mode != "fetch":
            continue
        role = names.export(destination.name)
        values: Values = {
            "role": names.role_arn(role),
            "bucket": archive,
            "feed": f"{archive}/feed/{destination.name}",
            "feed-prefix": f"feed/{destination.name}/",
        }
        callers = {"role": cast.own_role("role", role)}
        stacks = (names.in_region("shipper", names.region),)
        facts = {"permissions": destination.permissions}
        yield cast.subject("logzio-fetch", destination.name, stacks, values, facts=facts, callers=callers)


def _archives_at_logzio(cast: Cast) -> Iterator[Subject]:
    names = cast.names
    for destination in cast.settings.destinations:
        archive = getattr(destination, "archive_and_restore", None)
        if archive is None:
            continue
        role = names.archive_and_restore(destination.name)
        values: Values = {
            "role": names.role_arn(role),
            "outside-bucket": names.bucket_arn(archive.bucket),
            "outside-key": (archive.kms_key_arn,) if archive.kms_key_arn else (),
        }
        callers = {"role": cast.own_role("role", role)}
        stacks = (names.in_region("shipper", names.region),)
        facts = {"encrypted": archive.kms_key_arn is not None}
        yield cast.subject("logzio-archive", destination.name, stacks, values, facts=facts, callers=callers)


def _shippers(cast: Cast) -> Iterator[Subject]:
    names, account = cast.names, cast.names.account
    ships_to = {each.name: f"{each.kind}-{getattr(each, 'mode', 'push')}" for each in cast.settings.destinations}
    secrets = {
        each.name: getattr(each, "token_secret", None) or getattr(each, "headers_secret", None)
        for each in cast.settings.destinations
    }
    if any(ARCHIVE in export.ship_to for export in cast.settings.exports):
        ships_to[ARCHIVE] = ARCHIVE
    archive = names.bucket_arn(names.bucket("archive"))
    compacts = cast.settings.archive.compact
    for name, what in ships_to.items():
        secret = secrets.get(name)
        announced = [each for each in cast.settings.exports if name in each.announced_to]
        archived = [each.name for each in announced if isinstance(each, LogGroupExport)]
        not_archived = [each.name for each in cast.settings.exports if each.name not in archived]
        not_announced = [each.name for each in cast.settings.exports if each not in announced]
        values: Values = {
            "shipped-archive": tuple(f"{archive}/logs/{each}" for each in archived),
            "unshipped-archive": tuple(f"{archive}/logs/{each}" for each in (*not_archived, "no-such-export")),
            "copied-archive": tuple(f"{archive}/logs/{each.name}" for each in announced) if name == ARCHIVE else (),
            "uncopied-archive": tuple(f"{archive}/logs/{each}" for each in (*not_announced, "no-such-export")),
            "shipped-index": tuple(f"{archive}/archive-index/{each}" for each in archived) if compacts else (),
            "rule-name": tuple(names.announcing_rule(each) for each in announced),
            "other-rule-name": tuple(names.export(each) for each in (*not_announced, "no-such-export")),
            "destination": name,
            "role": names.role_arn(names.shipper(name)),
            "queue": names.queue_arn(name),
            "dead-letter-queue": f"arn:{names.partition}:sqs:{names.region}:{account}:{names.queue(name, '-dead')}",
            "other-queue": tuple(names.queue_arn(other) for other in ships_to if other != name),
            "secret": _secret(names, secret) if secret else (),
            "other-secret": f"arn:{names.partition}:secretsmanager:{names.region}:{account}:secret:acme/another-AbCdEf",
            "log-stream": names.log_group_arn(f"/aws/lambda/{names.shipper(name)}:log-stream:n1", names.region),
        }
        callers = {"shipper": cast.own_role("shipper", names.shipper(name))}
        stacks = (names.core_stack, names.in_region("shipper", names.region))
        yield cast.subject("shipper", name, stacks, values, facts={"to": what, "compacts": compacts}, callers=callers)


def _compactor(cast: Cast) -> Iterator[Subject]:
    """Return what compacts the archive, if the settings ask for it."""
    names = cast.names
    if not cast.settings.archive.compact:
        return
    archive = names.bucket_arn(names.bucket("archive"))
    hour, copies = "orders/dt=2026-01-01/hour=00", "orders/dt=2026-01-01"
    here = f"{names.region}:{names.account}"
    values: Values = {
        "role": names.role_arn(names.compactor),
        "part": f"{archive}/logs/{hour}/1767225600000-0123456789abcdef.json.gz",
        "compacted": f"{archive}/logs/{hour}/compacted-000001.jsonl.gz",
        "index": f"{archive}/archive-index/{hour}/0123456789abcdef.json.gz",
        "queue": tuple(names.queue_arn(each) for each in cast.settings.shippers),
        "log-stream": names.log_group_arn(f"/aws/lambda/{names.compactor}:log-stream:n1", names.region),
        "copy": f"{archive}/columns/{copies}/1795000000-0123456789abcdef-24/x",
        "copy-index": f"{archive}/columns-index/{copies}/1795000000-0123456789abcdef-24.json",
        "copy-started": f"{archive}/columns-index/{copies}/1795000000-0123456789abcdef-24.started.json",
        "workgroup": f"arn:{names.partition}:athena:{here}:workgroup/{names.sql_workgroup}",
        "other-workgroup": f"arn:{names.partition}:athena:{here}:workgroup/primary",
        "catalog": f"arn:{names.partition}:glue:{here}:catalog",
        "database": f"arn:{names.partition}:glue:{here}:database/{names.sql_database}",
        "default-database": f"arn:{names.partition}:glue:{here}:database/default",
        "table": f"arn:{names.partition}:glue:{here}:table/{names.sql_database}/archive",
        "other-table": f"arn:{names.partition}:glue:{here}:table/{names.sql_database}/orders_landed",
    }
    callers = {"compactor": cast.own_role("compactor", names.compactor)}
    stacks = (names.core_stack, names.in_region("shipper", names.region))
    facts = {"columnar": cast.settings.is_columnar}
    yield cast.subject("compactor", "compactor", stacks, values, facts=facts, callers=callers)


def _connectors(cast: Cast) -> Iterator[Subject]:
    names = cast.names
    for name, party in connected(cast.settings).items():
        callers = cast.connector(name)
        parameters = f"arn:{names.partition}:ssm:{names.region}:{names.account}:parameter/logdock/{names.deployment}"
        values: Values = {
            "secret": _secret(names, party.connect.secret),
            "other-secret": names.secret_arn("acme/another").replace("??????", "AbCdEf"),
            "remembered": f"{parameters}/{name}",
            "parameters": parameters,
            "role": names.role_arn(names.export(name)),
            "log-stream": tuple(
                names.log_group_arn(f"/aws/lambda/{names.export(name)}-connector{suffix}:log-stream:n1", names.region)
                for suffix in ("", "-poll")
            ),
        }
        stacks = _stacks_of(cast, name) or (names.in_region("shipper", names.region),)
        yield cast.subject("connect", name, stacks, values, callers=callers)


def _buckets(cast: Cast) -> Iterator[Subject]:
    settings, names = cast.settings, cast.names
    # What a bucket is to be follows from the settings; the template is what is evaluated.
    encryption = {
        str(export.landing(settings).document["bucket"]): export.bucket_encryption
        for export in settings.exports
        if isinstance(export, BucketExport)
    }
    # The buckets for access logs: the deployment's own, and that of each landing in another account.
    targets = {names.core_stack: names.bucket("access-logs")} | {
        names.landing_stack(export.name): names.in_account(export.other_account).access_logs_of(export.name)
        for export in settings.exports
        if export.announcing_account
    }
    encryption |= dict.fromkeys(targets.values(), "sse-s3")
    # Where services need SSE-S3, the export's key may be named as well.
    admits_key = {export.landing(settings).bucket for export in settings.exports if isinstance(export, S3LogsExport)}
    for each in cast.account.of_type("AWS::S3::Bucket"):
        name = each.properties["BucketName"]
        kind = encryption.get(name, "kms")
        has_key = kind == "kms" or name in admits_key
        values: Values = {
            "bucket": each.arn,
            "name": name,
            "key": _stacks_key(cast, each.stack) if has_key else (),
            "archive-days": str(settings.effective_retention.archive_days),
            "access-log-bucket": targets.get(each.stack, targets[names.core_stack]),
        }
        facts = {
            "encryption": kind,
            "has_key": has_key,
            "target": name in targets.values(),
            # An access log's target must be in the same Region.
            "home": cast.account.regions[each.stack] == names.region,
        }
        yield cast.subject("bucket", name, (each.stack,), values, facts=facts, resource=each)


def _stacks_key(cast: Cast, stack: str) -> tuple[str, ...]:
    alias = f"{cast.names.deployment}-archive" if stack == cast.names.core_stack else stack
    # The key of a landing in another account has the name that it has in the deployment's own.
    alias = alias.replace(cast.names.landing_stack(""), cast.names.export(""), 1)
    return tuple(arn for name, arn in cast.account.keys.items() if name == alias)


def _keys(cast: Cast) -> Iterator[Subject]:
    for each in cast.account.of_type("AWS::KMS::Key"):
        values: Values = {"key": each.arn, "key-region": each.arn.split(":")[3]}
        name = next(alias for alias, arn in cast.account.keys.items() if arn == each.arn)
        of_groups = {cast.names.export(one.name) for one in cast.settings.exports if one.lands_in == "log groups"}
        admits_groups = any(name in (start, f"{start}-{values['key-region']}") for start in of_groups)
        facts = {"admits": "every-group" if admits_groups else "named"}
        yield cast.subject("key", name, (each.stack,), values, facts=facts, resource=each)


def _log_groups(cast: Cast) -> Iterator[Subject]:
    kept = {
        name: (export.retention_days or cast.settings.effective_retention.hot_days, True)
        for export in cast.settings.exports
        if isinstance(export, CockroachdbExport | AuroraMysqlExport | RdsExport)
        for name in (export.log_groups if isinstance(export, CockroachdbExport) else export.log_group_names)
    } | {
        name: (export.retention_days, False)
        for export in cast.settings.exports
        if isinstance(export, CloudwatchLogsExport)
        for name in export.log_groups
    }
    for each in cast.account.resources:
        is_made = each.type == "AWS::Logs::LogGroup"
        if not is_made and (each.type != "Custom::LogdockLogGroup" or "KmsKeyArn" not in each.properties):
            continue
        name = each.properties["LogGroupName" if is_made else "Name"]
        days, is_protected = kept.get(name, (FUNCTION_LOG_DAYS, False))
        # The shipper's own logs are under the archive's key, or that of the shipper in another Region.
        keys = _stacks_key(cast, each.stack) or _stacks_key(cast, cast.names.core_stack)
        region = keys[0].split(":")[3]
        values: Values = {
            **_groups([cast.names.in_account(cast.account.account_of(each.stack)).log_group_arn(name, region)]),
            "key": keys,
            "group-region": region,
            "retention-days": str(days),
        }
        facts = {"holds": "landed" if name in kept else "function-log", "made": is_made, "protected": is_protected}
        subject = f"{name} in {region}"
        yield cast.subject("log-group", subject, (each.stack,), values, facts=facts, resource=each)


def _streams(cast: Cast) -> Iterator[Subject]:
    names = cast.names
    found = cast.account.of_type("AWS::Kinesis::Stream")
    for each in found:
        region = cast.account.regions[each.stack]
        role = names.stream_role(region)
        values: Values = {
            "stream": each.arn,
            "other-stream": tuple(other.arn for other in found if other.arn != each.arn),
            "stream-region": region,
            "role": names.role_arn(role),
            "key": _stacks_key(cast, each.stack),
        }
        callers = {"writer": cast.own_role("writer", role)}
        yield cast.subject("stream", f"stream in {region}", (each.stack,), values, callers=callers, resource=each)


def _functions(cast: Cast) -> Iterator[Subject]:
    for each in cast.account.of_type("AWS::Lambda::Function"):
        yield cast.subject(
            "function", each.arn.rpartition(":")[2], (each.stack,), {"function": each.arn}, resource=each
        )


def _metrics(cast: Cast) -> Iterator[Subject]:
    names = cast.names
    here = f"{names.region}:{names.account}"
    for destination in cast.settings.destinations:
        if not isinstance(destination, LogzioDestination) or destination.metrics is None:
            continue
        stream, delivery = names.metrics(destination.name), names.metrics(destination.name, "delivery")
        group = names.log_group_arn(f"/aws/kinesisfirehose/{stream}", names.region)
        failures = names.bucket_arn(names.bucket("failed"))
        values: Values = {
            "backup": f"{failures}/metrics/{destination.name}",
            "bucket": failures,
            "delivery": f"arn:{names.partition}:firehose:{here}:deliverystream/{stream}",
            "delivery-role": names.role_arn(delivery),
            "error-log": (f"{group}:log-stream:Listener", f"{group}:log-stream:Backup"),
            "key": cast.account.keys[f"{names.deployment}-archive"],
            "listener": destination.metrics_listener,
            "metrics-role": names.role_arn(stream),
            "metric-stream": f"arn:{names.partition}:cloudwatch:{here}:metric-stream/{stream}",
            "tags-role": names.role_arn(names.metrics(destination.name, "tags")) if destination.metrics.tags else (),
            "log-stream": names.log_group_arn(
                f"/aws/lambda/{names.metrics(destination.name, 'tags')}:log-stream:n1", names.region
            ),
            "token": destination.metrics.token_secret,
            "other-secret": names.secret_arn("acme/another").replace("??????", "AbCdEf"),
        }
        callers = {
            "cloudwatch": cast.own_role("cloudwatch", stream),
            "firehose": cast.own_role("firehose", delivery),
        }
        if destination.metrics.tags:
            callers["tags"] = cast.own_role("tags", names.metrics(destination.name, "tags"))
        stacks = (names.in_region("shipper", names.region),)
        facts = {"tags": destination.metrics.tags}
        yield cast.subject("metrics", destination.name, stacks, values, facts=facts, callers=callers)


def _readers(cast: Cast) -> Iterator[Subject]:
    """Return the role of people who search, if there is one."""
    names, settings = cast.names, cast.settings
    if not settings.readers:
        return
    here = f"{names.region}:{names.account}"
    landed = [each for each in settings.exports if isinstance(each, BucketExport)]
    buckets: dict[bool, list[str]] = {True: [], False: []}
    for export in landed:
        landing = export.landing(settings).document
        buckets[ARCHIVE in export.ship_to].append(
            f"{names.bucket_arn(str(landing['bucket']))}/{landing.get('prefix') or ''}"
        )
    archived = tuple(arn.partition("/")[0] for arn in buckets[True])
    values: Values = {
        "role": names.role_arn(names.readers),
        "counted-queue": tuple(names.queue_arn(each) for each in settings.shippers),
        "listed-failures": tuple(names.bucket_arn(names.bucket("failed", each)) for each in settings.regions),
        "alarm": f"arn:{names.partition}:cloudwatch:{here}:alarm:another/x",
        "any-dataset": f"arn:{names.partition}:cloudwatch:{here}:dataset/default",
        "any-stack": f"arn:{names.partition}:cloudformation:{here}:stack/another/1f6b2c3d",
        "archived-landing": archived,
        "archived-object": tuple(f"{arn}x" for arn in buckets[True]),
        "landed-object": tuple(f"{arn}x" for arn in buckets[False]),
        "workgroup": f"arn:{names.partition}:athena:{here}:workgroup/{names.sql_workgroup}",
        "catalog": f"arn:{names.partition}:glue:{here}:catalog",
        "database": f"arn:{names.partition}:glue:{here}:database/{names.sql_database}",
        "default-database": f"arn:{names.partition}:glue:{here}:database/default",
        "table": tuple(
            f"arn:{names.partition}:glue:{here}:table/{names.sql_database}/{each}"
            for each in ("archive", *(["archive_columns"] if settings.is_columnar else []))
        ),
        "compactor-log": names.log_group_arn(f"/aws/lambda/{names.compactor}:log-stream:n1", names.region),
    }
    callers: dict[str, Caller | tuple[Caller, ...]] = {
        "role": cast.own_role("role", names.readers),
        "reader-by-role": tuple(
            session("reader-by-role", arn.split(":")[4], arn.rpartition("/")[2], {"everything": EVERYTHING})
            for arn in settings.readers
            if ":role/" in arn
        ),
        "reader-by-user": tuple(
            user("reader-by-user", arn.split(":")[4], arn.rpartition("/")[2])
            for arn in settings.readers
            if ":user/" in arn
        ),
    }
    facts = {
        "sql": settings.sql is not None, "columnar": settings.is_columnar, "landing": bool(buckets[False]),
    }  # fmt: skip
    yield cast.subject("readers", "readers", (names.core_stack,), values, facts=facts, callers=callers)


def _groups(arns: list[str]) -> dict[str, str | tuple[str, ...]]:
    """Name log groups as a key's context does, and as IAM does, which sees a stream behind the name."""
    return {"log-group": tuple(arns), "log-stream": tuple(f"{arn}:log-stream:n1" for arn in arns)}


def _secret(names: Names, reference: str) -> str:
    """Return the ARN of a secret as AWS completes it: with six characters of its own behind the name."""
    return names.secret_arn(reference).replace("??????", "AbCdEf")
