"""What `logdock init` asks for an export of MongoDB Atlas."""

from logdock.cli.init.questions import Kind, Question
from logdock.vendors.mongodb_atlas.settings import MongodbAtlasExport

QUESTIONS = Kind(
    MongodbAtlasExport,
    (
        Question(
            "project_id",
            "Id of the Atlas project: 24 hexadecimal digits, in Atlas under Project Settings.",
            several="project_ids",
        ),
        Question(
            "connect",
            "Secret in AWS Secrets Manager with an Atlas service account or API key, with which the deploy switches "
            "the export on. Without it, you do that by hand after the deploy.",
            "",
        ),
        Question(
            "atlas_principal_arn",
            "ARN that Atlas shows as `atlasAWSAccountArn` in Project Integrations, Authorize an AWS IAM Role.",
        ),
        Question("external_id", "External id that Atlas shows there as `atlasAssumedRoleExternalId`."),
        Question("prefix", "Directory in the bucket that Atlas writes under.", "atlas"),
    ),
    read_by_connect=("atlas_principal_arn", "external_id"),
)
