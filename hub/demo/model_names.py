"""Names for people of the pictures that a model was measured on."""

import re

from hub.demo.words import Words

LONGEST = 60  # characters
# The phrase of each name in metrics.json: folders of pictures, and what was done to test X-rays.
PHRASES = {
    "as they are": "as_they_are",
    "with borders": "with_borders",
    "inverted": "inverted",
    "turned": "turned",
    "blurred": "blurred",
    "under-exposed": "under_exposed",
    "over-exposed": "over_exposed",
    "cut off": "cut_off",
    "adult_chest_xray": "adults",
    "adult_chest_xray/no_finding": "adults_normal",
    "adult_chest_xray/pneumonia": "adults_pneumonia",
    "other_medical/AbdomenCT": "abdomen_ct",
    "other_medical/BreastMRI": "breast_mri",
    "other_medical/ChestCT": "chest_ct",
    "other_medical/Hand": "hand",
    "other_medical/HeadCT": "head_ct",
    "photo": "photographs",
    "cifar10": "small_photographs",
    "mnist": "digits",
    "drawings": "drawings",
}


def name_of(name: str, words: Words) -> str:
    """Return the words for a name in metrics.json, else the name made readable.

    Names come from model folders: what a page could not show is taken out.
    """
    if name in PHRASES:
        return words(f"model.{PHRASES[name]}")
    # JSON may hold halves of characters, which cannot be sent to a browser.
    text = "".join(letter if letter.isprintable() else " " for letter in name[: 4 * LONGEST])
    text = re.sub(r"[\s_]+", " ", text.replace("/", ": ")).strip(" :")
    text = text if len(text) <= LONGEST else text[: LONGEST - 1].rstrip() + "…"
    return text[:1].upper() + text[1:] or "?"
