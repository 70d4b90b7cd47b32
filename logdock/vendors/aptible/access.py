"""What the vendor may do, may not do, and what risk remains."""

from logdock.vendors.access import always

access_of = always(
    vendor="Aptible (Aptible, Inc.), managed containers",
    may="Replicate objects and delete markers into one bucket, and set that bucket's versioning.",
    may_not="Read objects back, delete versions, change policy, lifecycle or encryption; write to other buckets.",
    remains="One role of Aptible's writes for all of its customers, without an external id. It could suspend "
    "versioning; a copy in the archive is out of its reach.",
)
