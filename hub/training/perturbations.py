"""What can be wrong with a film, and pictures that are no films: what the input check learns from.

Every function takes a picture and a random generator; the same generator gives the same picture.
"""

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw

from hub.imaging import effects

SIDE = 224


def good(film: np.ndarray, random: Generator) -> np.ndarray:
    """Return a film, uint8 [H, W], as another copy of it may look, with nothing wrong."""
    match random.integers(6):
        case 0:
            return _scale(film, random.uniform(0.8, 1.2))
        case 1:
            return effects.gamma(film, _between(random, 0.75, 1.35))
        case 2:
            return effects.jpeg(film, int(random.integers(40, 96)))
        case 3:
            return _blur(film, random.uniform(0.3, 1))
        case 4:
            return _part(film, *random.uniform(0.9, 1, 2), 0.5, 0.5)
        case _:
            turned = Image.fromarray(film).rotate(random.uniform(-5, 5), Image.Resampling.BICUBIC)
            return np.asarray(turned)


def under_exposed(film: np.ndarray, random: Generator) -> np.ndarray:
    """Return a film, uint8 [H, W], far too dark."""
    return _expose(film, random, factors=(0.08, 0.4), exponents=(2.5, 7), direction=-1)


def over_exposed(film: np.ndarray, random: Generator) -> np.ndarray:
    """Return a film, uint8 [H, W], far too bright."""
    return _expose(film, random, factors=(1.8, 4), exponents=(0.12, 0.4), direction=1)


def cut_off(film: np.ndarray, random: Generator) -> np.ndarray:
    """Return 30 to 60 % of a film, uint8 [H, W]: its top, bottom, left or right, or a window in it."""
    share, other = random.uniform(0.3, 0.6, 2)
    match random.integers(6):
        case 0:
            return _part(film, share, 1, 0, 0)
        case 1:
            return _part(film, share, 1, 1, 0)
        case 2:
            return _part(film, 1, share, 0, 0)
        case 3:
            return _part(film, 1, share, 0, 1)
        case _:
            return _part(film, share, other, *random.uniform(0, 1, 2))


# What becomes of a film, by the reason that the check should name; the three turns are told apart inside.
FAULTS = {
    "inverted": [lambda film, random: 255 - film],
    "turned": [lambda film, random, quarters=quarters: np.rot90(film, quarters) for quarters in (1, 2, 3)],
    "blurred": [lambda film, random: _blur(film, _between(random, 2, 8))],
    "under-exposed": [under_exposed],
    "over-exposed": [over_exposed],
    "cut off": [cut_off],
}


def other_view(picture: Image.Image, random: Generator) -> Image.Image:
    """Return any picture in colour or grey, whole or a part of it, with one of the faults or none."""
    picture = picture.convert("RGB" if random.random() < 0.6 else "L")
    if random.random() < 0.5:
        share = random.uniform(0.4, 1)
        width, height = (max(8, round(share * side)) for side in picture.size)
        left, top = (random.uniform(0, 1) * max(0, side - round(share * side)) for side in picture.size)
        picture = picture.crop((int(left), int(top), int(left) + width, int(top) + height))
    picture = picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    if random.random() < 0.3:
        return picture
    faults = [good, *(fault for reason, group in FAULTS.items() for fault in group if reason != "cut off")]
    fault, seed = faults[random.integers(len(faults))], random.integers(2**32)
    bands = [fault(np.asarray(band), np.random.default_rng(seed)) for band in picture.split()]
    return Image.merge(picture.mode, [Image.fromarray(np.ascontiguousarray(band)) for band in bands])


def mosaic(pictures: list[Image.Image], random: Generator) -> Image.Image:
    """Return 4 to 25 of the pictures side by side: as much detail as a large one has."""
    count = int(random.integers(2, 6))
    whole = Image.new("RGB", (32 * count, 32 * count))
    for place in range(count**2):
        piece = pictures[random.integers(len(pictures))].convert("RGB").resize((32, 32))
        whole.paste(piece, (32 * (place % count), 32 * (place // count)))
    return whole


def drawing(random: Generator) -> Image.Image:
    """Return a picture that no camera made: noise, text, gradients, squares, clouds, coloured shapes."""
    noise = random.integers(0, 256, (SIDE, SIDE), dtype=np.uint8)
    ramp = np.linspace(0, 255, SIDE)
    match random.integers(9):
        case 0:
            pixels = noise
        case 1:
            level, spread = random.uniform(60, 190), random.uniform(5, 60)
            pixels = random.normal(level, spread, (SIDE, SIDE))
        case 2:
            pixels = _blur(noise, random.uniform(1, 4))
        case 3:
            return _text(random)
        case 4:
            share = random.uniform(0, 1)
            pixels = share * ramp + (1 - share) * ramp[:, None]
        case 5:
            pixels = (np.indices((SIDE, SIDE)) // random.integers(4, 60)).sum(0) % 2 * 255
        case 6:
            coarse = Image.fromarray(_full_range(random.normal(size=(8, 8))))
            return coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        case 7:
            return _shapes(random)
        case _:
            # Noise whose spectrum falls as that of photographs and films does (Field 1987).
            frequency = np.fft.fftfreq(SIDE)
            radius = np.maximum(np.hypot(frequency, frequency[:, None]), 1 / SIDE)
            phase = np.exp(2j * np.pi * random.random((SIDE, SIDE)))
            pixels = _full_range(np.fft.ifft2(phase / radius ** random.uniform(0.7, 1.6)).real)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _text(random: Generator) -> Image.Image:
    paper = int(random.choice([255, 240, 0]))
    page = Image.new("L", (500, 500), paper)
    pen, spacing = ImageDraw.Draw(page), int(random.integers(12, 30))
    for y in range(10, 490, spacing):
        line = "".join(map(chr, random.integers(97, 123, 70)))
        pen.text((10, y), line, fill=0 if paper else 255)
    return page


def _shapes(random: Generator) -> Image.Image:
    picture = Image.new("RGB", (SIDE, SIDE), tuple(random.integers(0, 256, 3).tolist()))
    pen = ImageDraw.Draw(picture)
    for _ in range(random.integers(1, 20)):
        (left, right), (top, bottom) = np.sort(random.integers(0, SIDE, (2, 2))).tolist()
        draw = pen.ellipse if random.random() < 0.5 else pen.rectangle
        draw((left, top, right, bottom), fill=tuple(random.integers(0, 256, 3).tolist()))
    return picture


def _expose(
    film: np.ndarray, random: Generator, factors: tuple, exponents: tuple, direction: int
) -> np.ndarray:
    """Scale a film and clip it, bend it by a gamma, or shift it by 80 to 150 greys and clip it."""
    match random.integers(3):
        case 0:
            return _scale(film, _between(random, *factors))
        case 1:
            return effects.gamma(film, _between(random, *exponents))
        case _:
            return _scale(film, 1, direction * random.uniform(80, 150))


def _between(random: Generator, low: float, high: float) -> float:
    """Return a number between two, as often in their lower half of ratios as in the upper."""
    return float(np.exp(random.uniform(np.log(low), np.log(high))))


def _scale(film: np.ndarray, factor: float, offset: float = 0) -> np.ndarray:
    return np.clip(film * np.float32(factor) + np.float32(offset), 0, 255).round().astype(np.uint8)


def _blur(film: np.ndarray, sigma: float) -> np.ndarray:
    """Blur by a Gaussian, `sigma` being in pixels of a film of 224."""
    return effects.blur(film, sigma * min(film.shape) / SIDE)


def _part(film: np.ndarray, height: float, width: float, down: float, across: float) -> np.ndarray:
    """Cut out a share of the sides, from the place that lies `down` and `across` what is left over."""
    rows, columns = round(film.shape[0] * height), round(film.shape[1] * width)
    top, left = round((film.shape[0] - rows) * down), round((film.shape[1] - columns) * across)
    return film[top : top + rows, left : left + columns]


def _full_range(values: np.ndarray) -> np.ndarray:
    return ((values - values.min()) / np.ptp(values) * 255).astype(np.uint8)
