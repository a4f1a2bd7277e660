// Decode what browsers decode, strip by strip: a film of 64 megapixels never lies in memory twice.
import { reduce } from "./image.js";
import { damaged } from "./unreadable.js";

const TYPES = {
  AVIF: "image/avif", BMP: "image/bmp", GIF: "image/gif", HEIC: "image/heic", JPEG: "image/jpeg", PNG: "image/png",
  WEBP: "image/webp",
};
const TILE = 4096; // pixels a side at most; browsers limit the size of a canvas
const STRIP = 1 << 22; // pixels that are converted at a time
const PROBE = 16, NOISE = 8; // pixels a side; levels, as browsers that change only the lowest bits change no answer

// Return whether pixels come out of a canvas as they went in: against fingerprinting, some browsers give out noise.
export function givesPixels() {
  const context = new OffscreenCanvas(PROBE, PROBE).getContext("2d", { willReadFrequently: true });
  const drawn = new ImageData(PROBE, PROBE);
  drawn.data.forEach((_, i, data) => { data[i] = i % 4 === 3 ? 255 : (i * 7) % 256; });
  context.putImageData(drawn, 0, 0);
  return context.getImageData(0, 0, PROBE, PROBE).data.every((value, i) => Math.abs(value - drawn.data[i]) <= NOISE);
}

// Return an encoded image in 8 bits, reduced by the whole number that `factor` returns for its size, black where it
// is transparent; null where all of it is. Throws UnreadableError for what the browser cannot decode.
export async function decodeNatively(bytes, format, factor = () => 1, hasAlpha = false) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(new Blob([bytes], { type: TYPES[format] }), { colorSpaceConversion: "none" });
  } catch {
    throw damaged();
  }
  try {
    if (hasAlpha && isTransparent(bitmap)) return null;
    const reduction = factor(bitmap.width, bitmap.height);
    return read(bitmap, reduction, 1) ?? read(bitmap, reduction, 3);
  } finally {
    bitmap.close();
  }
}

// Return the image, grey with one channel; null where one is asked for and it has colours.
function read(bitmap, factor, channels) {
  const width = Math.ceil(bitmap.width / factor), height = Math.ceil(bitmap.height / factor);
  const image = { width, height, channels, data: new Uint8Array(channels * width * height) };
  for (const [left, top, pixels] of tiles(bitmap, factor, "#000")) {
    const part = reduce({ width: pixels.width, height: pixels.height, channels: 4, data: pixels.data }, factor);
    if (!(channels === 1 ? copyGreys : copyColours)(part, image, left / factor, top / factor)) return null;
  }
  return image;
}

// Copy RGBA into a grey image at x and y; return false at the first colour.
function copyGreys({ width, height, data }, image, x, y) {
  for (let row = 0, from = 0; row < height; row++) {
    for (let to = (y + row) * image.width + x, end = to + width; to < end; to++, from += 4) {
      const grey = data[from];
      if (data[from + 1] !== grey || data[from + 2] !== grey) return false;
      image.data[to] = grey;
    }
  }
  return true;
}

function copyColours({ width, height, data }, image, x, y) {
  for (let row = 0, from = 0; row < height; row++) {
    for (let to = 3 * ((y + row) * image.width + x), end = to + 3 * width; to < end; from += 4) {
      image.data[to++] = data[from];
      image.data[to++] = data[from + 1];
      image.data[to++] = data[from + 2];
    }
  }
  return true;
}

function isTransparent(bitmap) {
  for (const [, , { data }] of tiles(bitmap, 1)) for (let i = 3; i < data.length; i += 4) if (data[i]) return false;
  return true;
}

// Yield left, top and ImageData of each tile, over a backdrop. Sides are multiples of `factor`, but the last ones.
function* tiles(bitmap, factor, backdrop) {
  const across = Math.max(factor, TILE - (TILE % factor));
  const rows = Math.max(1, Math.floor(Math.min(TILE, STRIP / Math.min(across, bitmap.width)) / factor)) * factor;
  const [width, height] = [Math.min(across, bitmap.width), Math.min(rows, bitmap.height)];
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  for (let top = 0; top < bitmap.height; top += rows) {
    for (let left = 0; left < bitmap.width; left += across) {
      const w = Math.min(across, bitmap.width - left), h = Math.min(rows, bitmap.height - top);
      context.clearRect(0, 0, width, height);
      if (backdrop) context.fillStyle = backdrop;
      if (backdrop) context.fillRect(0, 0, width, height);
      context.drawImage(bitmap, left, top, w, h, 0, 0, w, h);
      yield [left, top, context.getImageData(0, 0, w, h)];
    }
  }
}
