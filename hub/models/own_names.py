"""Names of the networks in `hub.models.architectures`, without torch."""

OWN_NAMES = ("simple_cnn", "lenet5", "airbench_small")


def is_own(architecture: str) -> bool:
    """Return whether the network is one of these.

    They read grey images in one channel.
    """
    return architecture in OWN_NAMES
