"""Is this a film that the model may judge?"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Verdict:
    """What the input check says of one picture.

    `status` is "fine"; "warned", an answer is given behind a warning; "refused", none is given; or
    "unchecked", the model folder has no check. `reason` is one of REASONS for the second and third, and
    `sentence` says what is wrong and what to do; both are empty otherwise.
    """

    status: str
    reason: str = ""
    sentence: str = ""


UNCHECKED = Verdict("unchecked")
# For each reason, what becomes of the picture and what is said of it.
REASONS = {
    "blank": Verdict("refused", "blank", "This picture is blank; give a chest radiograph."),
    "not a chest radiograph": Verdict(
        "refused",
        "not a chest radiograph",
        "This does not look like a frontal chest radiograph, so there is no answer; give one.",
    ),
    "unlike the training films": Verdict(
        "warned",
        "unlike the training films",
        "This film is unlike those the model knows, of children aged one to five from one hospital (is the "
        "patient an adult, or the view lateral?); do not rely on the answer.",
    ),
    "inverted": Verdict(
        "warned",
        "inverted",
        "This film seems to be inverted, bone dark and air bright; invert it and try again.",
    ),
    "turned": Verdict("warned", "turned", "This film seems to be turned; turn it upright and try again."),
    "blurred": Verdict("warned", "blurred", "This film is blurred; give a sharper copy."),
    "under-exposed": Verdict(
        "warned", "under-exposed", "This film is too dark to read well; give a brighter copy."
    ),
    "over-exposed": Verdict(
        "warned", "over-exposed", "This film is too bright to read well; give a darker copy."
    ),
    "cut off": Verdict("warned", "cut off", "Part of the chest is cut off; give the whole film."),
}
