// TIFF at full depth, by geotiff.js, which is loaded when a file needs it.
import { loadGeoTiff } from "./codecs.js";
import { bytesPerPixel, scale, toEight } from "./greys.js";
import { invert, turn } from "./image.js";
import { viewOf } from "./metadata.js";
import { checkSize, damaged, few, UnreadableError } from "./unreadable.js";

const WHITE_IS_ZERO = 0, BLACK_IS_ZERO = 1, RGB = 2, PALETTE = 3, YCBCR = 6, SEPARATE_ALPHA = 2;
const RAW_TYPES = [1, 2, 7], MAX_NUMBERS = 1_000_000; // bytes and text, and how many numbers a tag may have
// Where the pixels are: long lists, which the library reads on request alone.
const PLACES = ["TileOffsets", "TileByteCounts", "StripOffsets", "StripByteCounts"];

// Return the first page in 8 bits, upright. `admit(width, height, bytes)` is called before pixels are decoded.
export async function decodeTiff(bytes, admit) {
  try {
    return await decode(bytes, admit);
  } catch (error) {
    if (error instanceof UnreadableError || error instanceof RangeError) throw error;
    // Fax above all, and one bit without a tag that says so.
    const isUnusual = /Unknown compression|BitsPerSample/.test(error.message);
    throw isUnusual ? new UnreadableError("is a TIFF of an unusual kind; save it as PNG.") : damaged();
  }
}

async function decode(bytes, admit) {
  for (const { kind, count } of few(tagHeads(bytes))) if (count > MAX_NUMBERS && !RAW_TYPES.includes(kind)) throw damaged();
  const { fromArrayBuffer } = await loadGeoTiff();
  const { page, tags } = await open(fromArrayBuffer, bytes);
  const width = page.getWidth(), height = page.getHeight(), samples = page.getSamplesPerPixel();
  const bits = Math.max(...tags("BitsPerSample", [1])), photometric = tags("PhotometricInterpretation", [BLACK_IS_ZERO])[0];
  checkSize(width * Math.ceil(samples / 4), height);
  // Strips and tiles are decoded one by one: a strip that is the whole image is there twice.
  const stored = (samples * bits) / 8, shown = bits <= 8 ? 4 : bytesPerPixel(samples, bits / 8);
  admit(width, height, shown + (stored * page.getTileWidth() * page.getTileHeight()) / (width * height));
  const isKnown = [WHITE_IS_ZERO, BLACK_IS_ZERO, RGB].includes(photometric);
  if (!isKnown && !(bits <= 8 && [PALETTE, YCBCR].includes(photometric))) {
    throw new UnreadableError("has colours that are neither grey nor RGB; save it as grey or RGB.");
  }
  if (tags("SampleFormat", [1]).some((format) => format > 3)) {
    throw new UnreadableError("holds complex numbers; export it again as 8 or 16 bits.");
  }
  if (!isWhole(bytes, tags)) throw damaged();
  const image = await readPage(page, { width, height, samples, bits, photometric, tags });
  const bright = photometric === WHITE_IS_ZERO ? invert(image) : image;
  return turn(bright, tags("Orientation", [1])[0]);
}

// Yield { kind, count } of each tag of the first page, of a BigTIFF too. Throws RangeError where the file ends.
function* tagHeads(bytes) {
  const view = viewOf(bytes), little = bytes[0] === 0x49, isBig = view.getUint16(2, little) === 43;
  const long = (place) => (isBig ? Number(view.getBigUint64(place, little)) : view.getUint32(place, little));
  let place = long(isBig ? 8 : 4);
  const tags = isBig ? long(place) : view.getUint16(place, little);
  place += isBig ? 8 : 2;
  for (let tag = 0; tag < tags; tag++, place += isBig ? 20 : 12) {
    yield { kind: view.getUint16(place + 2, little), count: long(place + 4) };
  }
}

async function open(fromArrayBuffer, bytes) {
  const file = await fromArrayBuffer(bytes.slice().buffer), page = await file.getImage(0);
  const directory = page.fileDirectory, places = new Map();
  for (const name of PLACES) if (directory.hasTag(name)) places.set(name, await directory.loadValue(name));
  const tags = (name, none) => {
    const value = places.get(name) ?? directory.getValue(name);
    return value === undefined ? none : typeof value === "object" ? Array.from(value) : [value];
  };
  return { page, tags };
}

function isWhole(bytes, tags) {
  const name = tags("TileOffsets", []).length ? "Tile" : "Strip";
  const offsets = tags(`${name}Offsets`, []), counts = tags(`${name}ByteCounts`, []);
  return offsets.length > 0 && offsets.every((offset, i) => offset + (counts[i] ?? 0) <= bytes.length);
}

async function readPage(page, { width, height, samples, bits, photometric, tags }) {
  const format = tags("SampleFormat", [1])[0], colours = photometric === RGB ? 3 : 1;
  const alpha = tags("ExtraSamples", [0])[0] === SEPARATE_ALPHA && samples > colours ? 1 : 0;
  if ([PALETTE, YCBCR].includes(photometric)) {
    return { width, height, channels: 3, data: new Uint8Array(await page.readRGB({ interleave: true })) };
  }
  const wanted = Array.from({ length: colours + alpha }, (_, i) => i);
  const pixels = await page.readRasters({ interleave: true, samples: wanted });
  if (bits < 8) {
    return { width, height, channels: 1, data: scale(pixels, 0, 2 ** bits - 1) };
  }
  if (bits === 8 && format === 1 && !alpha) return { width, height, channels: colours, data: pixels };
  return toEight(bits === 8 ? Uint16Array.from(pixels) : pixels, width, height, colours + alpha);
}
