// TIFF at full depth, by geotiff.js, which is loaded when a file needs it.
import { COMPRESSION, loadGeoTiff } from "./codecs.js";
import { bytesPerPixel, scale, toEight } from "./greys.js";
import { turn } from "./image.js";
import { viewOf } from "./metadata.js";
import { readSamples } from "./tiff_samples.js";
import { checkSize, damaged, few, otherColours, UnreadableError, unusual } from "./unreadable.js";

const WHITE_IS_ZERO = 0, BLACK_IS_ZERO = 1, RGB = 2, PALETTE = 3, YCBCR = 6, SEPARATE_ALPHA = 2;
const RAW_TYPES = [1, 2, 7], MAX_NUMBERS = 1_000_000; // bytes and text, and how many numbers a tag may have
// Long lists, which the library reads on request alone: where the pixels are, and the colours of a palette.
const LISTS = ["TileOffsets", "TileByteCounts", "StripOffsets", "StripByteCounts", "ColorMap"];

// Return the first page in 8 bits, upright. `admit(width, height, bytes)` is called before pixels are decoded.
export async function decodeTiff(bytes, admit) {
  try {
    return await decode(bytes, admit);
  } catch (error) {
    if (error instanceof UnreadableError || error instanceof RangeError) throw error;
    throw damaged();
  }
}

async function decode(bytes, admit) {
  for (const { kind, count } of few(tagHeads(bytes))) if (count > MAX_NUMBERS && !RAW_TYPES.includes(kind)) throw damaged();
  const geotiff = await loadGeoTiff(), { page, tags } = await open(geotiff, bytes);
  const width = page.getWidth(), height = page.getHeight(), samples = page.getSamplesPerPixel();
  const bits = Math.max(...tags("BitsPerSample", [1])), photometric = tags("PhotometricInterpretation", [BLACK_IS_ZERO])[0];
  const compression = tags("Compression", [COMPRESSION.NONE])[0];
  checkSize(width * Math.ceil(samples / 4), height);
  // Strips and tiles are decoded one by one: a strip that is the whole image is there twice.
  const stored = (samples * bits) / 8, shown = bits <= 8 ? 4 : bytesPerPixel(samples, bits / 8);
  admit(width, height, shown + (stored * page.getTileWidth() * page.getTileHeight()) / (width * height));
  // The library knows no YCbCr of which a colour has fewer pixels, but in a JPEG.
  const isKnown = [WHITE_IS_ZERO, BLACK_IS_ZERO, RGB].includes(photometric);
  const isConverted = photometric === PALETTE || (photometric === YCBCR && compression === COMPRESSION.JPEG);
  if (!isKnown && !(bits <= 8 && isConverted)) {
    throw otherColours();
  }
  if (tags("SampleFormat", [1]).some((format) => format > 3)) {
    throw new UnreadableError("holds complex numbers; export it again as 8 or 16 bits.");
  }
  if (!isWhole(bytes, tags)) throw damaged();
  const depths = new Set(tags("BitsPerSample", [])), formats = new Set(tags("SampleFormat", [1]));
  if (!Object.values(COMPRESSION).includes(compression) || depths.size !== 1 || formats.size !== 1) throw unusual("TIFF");
  const image = await readPage(page, geotiff, { width, height, samples, bits, photometric, tags });
  return turn(image, tags("Orientation", [1])[0]);
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

async function open(geotiff, bytes) {
  const file = await geotiff.fromArrayBuffer(bytes.slice().buffer), page = await file.getImage(0);
  const directory = page.fileDirectory, lists = new Map();
  for (const name of LISTS) if (directory.hasTag(name)) lists.set(name, await directory.loadValue(name));
  const tags = (name, none) => {
    const value = lists.get(name) ?? directory.getValue(name);
    return value === undefined ? none : typeof value === "object" ? Array.from(value) : [value];
  };
  return { page, tags };
}

function isWhole(bytes, tags) {
  const name = tags("TileOffsets", []).length ? "Tile" : "Strip";
  const offsets = tags(`${name}Offsets`, []), counts = tags(`${name}ByteCounts`, []);
  return offsets.length > 0 && offsets.every((offset, i) => offset + (counts[i] ?? 0) <= bytes.length);
}

async function readPage(page, geotiff, { width, height, samples, bits, photometric, tags }) {
  const colours = [RGB, YCBCR].includes(photometric) ? 3 : 1;
  if (colours > samples) throw damaged();
  const hasAlpha = tags("ExtraSamples", [0])[0] === SEPARATE_ALPHA && samples > colours && bits >= 8;
  const channels = colours + (hasAlpha && photometric !== PALETTE ? 1 : 0);
  const wanted = Array.from({ length: channels }, (_, i) => i);
  const pixels = Object.assign(await readSamples(page, wanted), { width, height });
  if (photometric === PALETTE) {
    const palette = tags("ColorMap", []);
    if (palette.length < 3 << bits) throw damaged();
    // Older programs write colours of 8 bits in place of those of 16.
    const colours = palette.every((value) => value < 256) ? palette.map((value) => 257 * value) : palette;
    return { width, height, channels: 3, data: geotiff.rgb.fromPalette(pixels, colours) };
  }
  if (photometric === YCBCR) return { width, height, channels: 3, data: new Uint8Array(geotiff.rgb.fromYCbCr(pixels)) };
  const shades = bits < 8 ? scale(pixels, 0, 2 ** bits - 1) : pixels;
  return toEight(shades, width, height, channels, photometric === WHITE_IS_ZERO);
}
