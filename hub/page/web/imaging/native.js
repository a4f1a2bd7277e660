// Decode what browsers decode, strip by strip: a film of 64 megapixels never lies in memory twice.
import { asGrey, reduce } from "./image.js";
import { damaged } from "./unreadable.js";

const TYPES = {
  AVIF: "image/avif", BMP: "image/bmp", GIF: "image/gif", HEIC: "image/heic", JPEG: "image/jpeg", PNG: "image/png",
  WEBP: "image/webp",
};
const TILE = 4096; // pixels a side at most; browsers limit the size of a canvas
const STRIP = 1 << 22; // pixels that are converted at a time

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
    return asGrey(read(bitmap, factor(bitmap.width, bitmap.height)));
  } finally {
    bitmap.close();
  }
}

function read(bitmap, factor) {
  const width = Math.ceil(bitmap.width / factor), height = Math.ceil(bitmap.height / factor);
  const image = { width, height, channels: 3, data: new Uint8Array(3 * width * height) };
  for (const [left, top, pixels] of tiles(bitmap, factor, "#000")) {
    const part = reduce(opaque(pixels), factor), x = left / factor, y = top / factor;
    for (let row = 0; row < part.height; row++) {
      const line = part.data.subarray(3 * row * part.width, 3 * (row + 1) * part.width);
      image.data.set(line, 3 * ((y + row) * width + x));
    }
  }
  return image;
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

function opaque({ width, height, data }) {
  const colours = new Uint8Array(3 * width * height);
  for (let from = 0, to = 0; from < data.length; from += 4) {
    colours[to++] = data[from];
    colours[to++] = data[from + 1];
    colours[to++] = data[from + 2];
  }
  return { width, height, channels: 3, data: colours };
}
