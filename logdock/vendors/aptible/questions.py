"""What `logdock init` asks for an export of Aptible."""

from logdock.cli.init.questions import Kind, Question
from logdock.vendors.aptible.settings import AptibleExport

QUESTIONS = Kind(AptibleExport, (Question("stack_region"), Question("decryption_keys_secret", "")))
