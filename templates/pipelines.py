"""The templates of a pipeline's roles."""

from dataclasses import dataclass
from typing import Annotated, Literal

from logdock.settings import text
from templates.catalogue import Option
from templates.parameters import DEPLOYMENT, Parameter

_PART = r"[A-Za-z0-9_.-]+"
_Repository = Annotated[
    str,
    *text.matching(
        rf"{_PART}(@\d+)?/{_PART}(@\d+)?",
        "owner/repository as the sub claim of its tokens has it, such as acme/logs or acme@1234/logs@5678",
    ),
]
_Project = Annotated[str, *text.matching(rf"{_PART}(/{_PART})+", "the path of a project, such as acme/platform/logs")]
_Branch = Annotated[str, *text.matching(r"[A-Za-z0-9_./-]{1,200}", "the name of a branch without wildcards")]
_Environment = Annotated[
    str, *text.matching(r"[A-Za-z0-9_.-]{1,100}", "the name of an environment: letters, digits and any of _ . -")
]
_Qualifier = Annotated[str, *text.matching(r"[a-z0-9]{1,10}", "1 to 10 lower-case letters and digits")]

REPOSITORY = Parameter(
    name="GitHubRepository",
    label="Repository",
    description="The repository with the settings file. If its tokens have ids in sub, write them too.",
    sample="zqowner/zqrepository",
    value=_Repository,
)
PROJECT = Parameter(
    name="GitLabProject",
    label="Project",
    description="Path of the GitLab.com project with the settings file.",
    sample="zqgroup/zqproject",
    value=_Project,
)
BRANCH = Parameter(
    name="Branch",
    label="Branch",
    description="The protected branch that is deployed.",
    sample="zqbranch",
    value=_Branch,
    default="main",
)
ENVIRONMENT = Parameter(
    name="GitHubEnvironment",
    label="Environment",
    description="The environment of GitHub whose reviewers approve a deploy. Restrict it to the protected branch.",
    sample="zqenvironment",
    value=_Environment,
    default="production",
)
QUALIFIER = Parameter(
    name="BootstrapQualifier",
    label="Qualifier of the CDK's bootstrap stack",
    description="As in `cdk bootstrap --qualifier`.",
    sample="zqqualif",
    value=_Qualifier,
    default="hnb659fds",
)
PROVIDER = Option(
    parameter=Parameter(
        name="IdentityProvider",
        label="Identity provider",
        description="create: the stack creates the OpenID Connect provider. existing: the account has it already, with "
        "the audience sts.amazonaws.com.",
        default="create",
        allowed=("existing", "create"),
    ),
    settings={},
)


@dataclass(frozen=True, kw_only=True, slots=True)
class PipelineTemplate:
    """A template with the roles of a pipeline. Its attributes are those of a landing template."""

    name: str
    title: str
    host: Literal["github", "gitlab"]
    own: tuple[Parameter, ...]
    option: Option = PROVIDER
    has_bucket: bool = False

    @property
    def groups(self) -> dict[str, list[Parameter]]:
        """The parameters, as the console groups them."""
        label = {"github": "From GitHub", "gitlab": "From GitLab"}[self.host]
        return {label: list(self.own), "In AWS": [DEPLOYMENT, QUALIFIER, self.option.parameter]}

    @property
    def parameters(self) -> list[Parameter]:
        """Every parameter."""
        return [each for group in self.groups.values() for each in group]


PIPELINES = (
    PipelineTemplate(
        name="pipeline-github",
        title="GitHub Actions: roles that plan and deploy",
        host="github",
        own=(REPOSITORY, ENVIRONMENT, BRANCH),
    ),
    PipelineTemplate(
        name="pipeline-gitlab",
        title="GitLab CI/CD: roles that plan and deploy",
        host="gitlab",
        own=(PROJECT, BRANCH),
    ),
)
"""Every pipeline template."""
