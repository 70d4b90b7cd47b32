"""What `logdock init` asks for an export of Aptible."""

from logdock.cli.init.questions import Kind, Question
from logdock.vendors.aptible.settings import AptibleExport

QUESTIONS = Kind(
    AptibleExport,
    (
        Question("stack_region", "AWS Region of the Aptible stack. It must be the Region that the logs land in."),
        Question(
            "decryption_keys_secret",
            "Secret in AWS Secrets Manager with Aptible's decryption keys. Shipping needs it; without shipping, the "
            "archives stay encrypted in the bucket.",
            "",
        ),
    ),
)
