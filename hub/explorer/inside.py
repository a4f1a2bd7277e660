"""The names by which the pages know this wing, until they import each from its own module."""

from hub.explorer.effective_receptive_field import effective_receptive_field as seen  # noqa: F401
from hub.explorer.feature_maps import feature_maps  # noqa: F401
from hub.explorer.feature_maps import strongest_channels as strongest  # noqa: F401
from hub.explorer.layers import Layer, find_layer, last_maps  # noqa: F401
from hub.explorer.layers import list_layers as layers  # noqa: F401
from hub.explorer.milestones import Architecture, Paper, papers  # noqa: F401
from hub.explorer.milestones import forward_milliseconds as time_passes  # noqa: F401
from hub.explorer.milestones import measure as architectures  # noqa: F401
from hub.explorer.network import Network, open_network  # noqa: F401
