"""Names of views, from which side a radiograph was taken: `info["view"]` of an image."""

LATERAL, OBLIQUE = "lateral", "oblique"
