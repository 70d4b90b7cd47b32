"""What the deploy does at CockroachDB Cloud."""

from vendor_connector.vendors.cockroachdb.operations import cluster, log_export

POLLED = {"cockroachdb-cluster": cluster, "cockroachdb-log-export": log_export}
