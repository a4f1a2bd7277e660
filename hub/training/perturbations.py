"""Perturbed radiographs and other images, to fit the input check.

Every function takes an image and a random generator; the same generator gives the same image.
"""

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw

from hub.imaging import effects

SIDE = 224


def harmless(image: np.ndarray, random: Generator) -> np.ndarray:
    """Return a radiograph varied so little that the answer still holds.

    Both are uint8 [H, W].
    """
    match random.integers(6):
        case 0:
            return _scale(image, random.uniform(0.8, 1.2))
        case 1:
            return effects.gamma(image, _log_uniform(random, 0.75, 1.35))
        case 2:
            return effects.jpeg(image, int(random.integers(40, 96)))
        case 3:
            return _blur(image, random.uniform(0.3, 1))
        case 4:
            return _crop(image, *random.uniform(0.9, 1, 2), 0.5, 0.5)
        case _:
            turned = Image.fromarray(image).rotate(random.uniform(-5, 5), Image.Resampling.BICUBIC)
            return np.asarray(turned)


def under_exposed(image: np.ndarray, random: Generator) -> np.ndarray:
    """Return a radiograph, uint8 [H, W], far too dark."""
    return _expose(image, random, factors=(0.08, 0.4), exponents=(2.5, 7), direction=-1)


def over_exposed(image: np.ndarray, random: Generator) -> np.ndarray:
    """Return a radiograph, uint8 [H, W], far too bright."""
    return _expose(image, random, factors=(1.8, 4), exponents=(0.12, 0.4), direction=1)


def cut_off(image: np.ndarray, random: Generator) -> np.ndarray:
    """Return a part of a radiograph, uint8 [H, W].

    It keeps 30 to 60 % of the height, the width or both.
    """
    share, other = random.uniform(0.3, 0.6, 2)
    match random.integers(6):
        case 0:
            return _crop(image, share, 1, 0, 0)
        case 1:
            return _crop(image, share, 1, 1, 0)
        case 2:
            return _crop(image, 1, share, 0, 0)
        case 3:
            return _crop(image, 1, share, 0, 1)
        case _:
            return _crop(image, share, other, *random.uniform(0, 1, 2))


# Functions by the reason that the check should name; internally, the check distinguishes the three turns.
PERTURBATIONS = {
    "inverted": [lambda image, random: 255 - image],
    "turned": [lambda image, random, quarters=quarters: np.rot90(image, quarters) for quarters in (1, 2, 3)],
    "blurred": [lambda image, random: _blur(image, _log_uniform(random, 2, 8))],
    "under-exposed": [under_exposed],
    "over-exposed": [over_exposed],
    "cut off": [cut_off],
}


def vary(image: Image.Image, random: Generator) -> Image.Image:
    """Return an image in colour or grey, whole or cropped, perturbed or not."""
    image = image.convert("RGB" if random.random() < 0.6 else "L")
    if random.random() < 0.5:
        share = random.uniform(0.4, 1)
        width, height = (max(8, round(share * side)) for side in image.size)
        left, top = (random.uniform(0, 1) * max(0, side - round(share * side)) for side in image.size)
        image = image.crop((int(left), int(top), int(left) + width, int(top) + height))
    image = image.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    if random.random() < 0.3:
        return image
    choices = [harmless]
    for reason, functions in PERTURBATIONS.items():
        choices += functions if reason != "cut off" else []
    perturb, seed = choices[random.integers(len(choices))], random.integers(2**32)
    bands = [perturb(np.asarray(band), np.random.default_rng(seed)) for band in image.split()]
    return Image.merge(image.mode, [Image.fromarray(np.ascontiguousarray(band)) for band in bands])


def mosaic(images: list[Image.Image], random: Generator) -> Image.Image:
    """Return 4 to 25 of the images in a grid: as much detail as a large one has."""
    count = int(random.integers(2, 6))
    whole = Image.new("RGB", (32 * count, 32 * count))
    for place in range(count**2):
        piece = images[random.integers(len(images))].convert("RGB").resize((32, 32))
        whole.paste(piece, (32 * (place % count), 32 * (place // count)))
    return whole


def drawing(random: Generator) -> Image.Image:
    """Return noise, text, a gradient, squares, clouds or coloured shapes."""
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
            # Noise whose spectrum falls as that of photographs and radiographs does (Field 1987).
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
    image = Image.new("RGB", (SIDE, SIDE), tuple(random.integers(0, 256, 3).tolist()))
    pen = ImageDraw.Draw(image)
    for _ in range(random.integers(1, 20)):
        (left, right), (top, bottom) = np.sort(random.integers(0, SIDE, (2, 2))).tolist()
        draw = pen.ellipse if random.random() < 0.5 else pen.rectangle
        draw((left, top, right, bottom), fill=tuple(random.integers(0, 256, 3).tolist()))
    return image


def _expose(
    image: np.ndarray, random: Generator, factors: tuple, exponents: tuple, direction: int
) -> np.ndarray:
    """Scale the grey levels, change their gamma, or shift them by 80 to 150.

    They are clipped to 0 to 255.
    """
    match random.integers(3):
        case 0:
            return _scale(image, _log_uniform(random, *factors))
        case 1:
            return effects.gamma(image, _log_uniform(random, *exponents))
        case _:
            return _scale(image, 1, direction * random.uniform(80, 150))


def _log_uniform(random: Generator, low: float, high: float) -> float:
    """Draw a number whose logarithm is uniform between those of `low` and `high`."""
    return float(np.exp(random.uniform(np.log(low), np.log(high))))


def _scale(image: np.ndarray, factor: float, offset: float = 0) -> np.ndarray:
    return np.clip(image * np.float32(factor) + np.float32(offset), 0, 255).round().astype(np.uint8)


def _blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """Blur by a Gaussian whose `sigma` is in pixels of an image of 224."""
    return effects.blur(image, sigma * min(image.shape) / SIDE)


def _crop(image: np.ndarray, height: float, width: float, down: float, across: float) -> np.ndarray:
    """Crop to shares of height and width.

    `down` and `across` place the crop, as shares of what is cut off.
    """
    rows, columns = round(image.shape[0] * height), round(image.shape[1] * width)
    top, left = round((image.shape[0] - rows) * down), round((image.shape[1] - columns) * across)
    return image[top : top + rows, left : left + columns]


def _full_range(values: np.ndarray) -> np.ndarray:
    return ((values - values.min()) / np.ptp(values) * 255).astype(np.uint8)
