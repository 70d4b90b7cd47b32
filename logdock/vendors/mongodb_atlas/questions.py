"""What `logdock init` asks for an export of MongoDB Atlas."""

from logdock.cli.init.questions import Kind, Question
from logdock.vendors.mongodb_atlas.settings import MongodbAtlasExport

QUESTIONS = Kind(
    MongodbAtlasExport,
    (
        Question("project_id", several="project_ids"),
        Question("connect", ""),
        Question("atlas_principal_arn"),
        Question("external_id"),
        Question("prefix", "atlas"),
    ),
    read_by_connect=("atlas_principal_arn", "external_id"),
)
