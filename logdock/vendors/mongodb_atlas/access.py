"""What the vendor may do, may not do, and what risk remains."""

from logdock.vendors.access import always

access_of = always(
    vendor="MongoDB Atlas (MongoDB, Inc.), managed MongoDB",
    may="Write objects under one prefix of one bucket, and use the export's key through S3.",
    may_not="Read, list or delete objects; write elsewhere; change any setting.",
    remains="It can write false lines, none, or so many that they cost. It may trust its whole account to assume "
    "roles; the external id is your organization's.",
)
