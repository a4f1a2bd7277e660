"""Register the small networks with timm.

Published model cards say `import hub.architectures`; the code is in `hub.models.architectures`.
"""

from hub.models.architectures import *  # noqa: F403
