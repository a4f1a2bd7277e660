"""Names of views, in `info["view"]`: from which side a radiograph was taken."""

LATERAL, OBLIQUE = "lateral", "oblique"
