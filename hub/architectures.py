"""Register the small networks with timm; published model cards say `import hub.architectures`."""

from hub.models.architectures import *  # noqa: F403
