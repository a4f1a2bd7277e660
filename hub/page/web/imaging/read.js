// One validated 8-bit image from the bytes of a file: hub/imaging/read.py.
import { cropBorders } from "./borders.js";
import { DECODERS, loadLossless } from "./codecs.js";
import { readJpeg2000 } from "./dicom_codestream.js";
import { HEAD, imageFormat, NAMES, otherFormat } from "./formats.js";
import { bytesPerPixel, scale, toEight } from "./greys.js";
import { asGrey, reduce, turn } from "./image.js";
import { boxSize, readJpeg, readPng, readWebp, viewOf, withoutAlpha, withoutTransparency } from "./metadata.js";
import { decodeNatively, givesPixels } from "./native.js";
import { decodePng } from "./png.js";
import { checkRadiograph, checkSize, damaged, hidden, InputError, otherColours, tooMuchMemory, UnreadableError, unusual } from "./unreadable.js";

const LARGE = 16_000_000; // pixels above which an image of any format is reduced
const RGBA = 4; // bytes of a pixel as a browser decodes it
const BMP_ALPHA = 66; // where a BMP says which bits are alpha

// Return the image of a file, { width, height, channels, data, view }, without borders where `crop`. A large image is
// reduced, so that each side keeps `side` pixels within the borders. Throws InputError.
export async function readImage(bytes, name, { side, radiograph = true, crop = radiograph }) {
  try {
    if (!givesPixels()) throw hidden(); // nor could the picture be shown
    const { image, reduced } = await readUpright(bytes, name, side, radiograph);
    if (!crop) return image;
    const inside = cropBorders(image), least = Math.min(inside.width, inside.height);
    if (!reduced || least >= side) return inside;
    const enough = Math.floor((side * Math.min(image.width, image.height)) / Math.max(1, least));
    return cropBorders((await readUpright(bytes, name, enough, radiograph)).image);
  } catch (error) {
    if (error instanceof InputError) throw error;
    if (error instanceof UnreadableError) throw new InputError(`${name} ${error.message}`);
    if (/alloc|memory|array length/i.test(error.message)) throw new InputError(`${name} ${tooMuchMemory().message}`);
    if (error instanceof RangeError) throw new InputError(`${name} ${damaged().message}`); // it ends within a header
    throw error;
  }
}

async function readUpright(bytes, name, side, radiograph) {
  let pixels = 0;
  const admit = (width, height, bytesPerPixel = 1) => {
    checkSize(width, height, bytesPerPixel);
    if (radiograph) checkRadiograph(width, height);
    pixels = width * height;
  };
  const decoded = await decode(bytes, name, side, admit);
  const factor = decoded.width * decoded.height > LARGE ? wholeNumber(decoded, side) : 1;
  const image = asGrey(reduce(turn(decoded, decoded.orientation), factor));
  delete image.orientation;
  return { image, reduced: image.width * image.height < pixels };
}

const wholeNumber = ({ width, height }, side) => Math.max(1, Math.floor(Math.min(width, height) / side));
const largeFactor = (side) => (width, height) => (width * height > LARGE ? wholeNumber({ width, height }, side) : 1);

// libjpeg decodes a JPEG at a half, a quarter or an eighth, as long as each side keeps `side` pixels.
const jpegFactor = (side) => (width, height) =>
  [8, 4, 2].find((factor) => Math.min(Math.floor(width / side), Math.floor(height / side)) >= factor) ?? 1;

async function decode(bytes, name, side, admit) {
  if (!bytes.length) throw new UnreadableError("is empty; export or download it again.");
  const format = imageFormat(bytes.subarray(0, HEAD));
  if (!format) {
    const other = otherFormat(bytes.subarray(0, HEAD));
    const what = other ? `is ${other}, not an image` : "is not an image";
    throw new UnreadableError(`${what} that can be read here; give a ${NAMES} file.`);
  }
  return READERS[format](bytes, { name, side, admit });
}

const LATER = { DICOM: () => import("./dicom.js"), TIFF: () => import("./tiff.js"), PNM: () => import("./pnm.js"), lossless: loadLossless };

// Import what only some files need: later there may be no network, or a new page at the address of this one. What does
// not come now is asked for again by a file that needs it.
export const importReaders = () => Promise.allSettled(Object.values(LATER).map((load) => load()));

const READERS = {
  DICOM: async (bytes, { name, admit }) => (await LATER.DICOM()).decodeDicom(bytes, name, admit),
  TIFF: async (bytes, { admit }) => (await LATER.TIFF()).decodeTiff(bytes, admit),
  PNM: async (bytes, { admit }) => (await LATER.PNM()).decodePnm(bytes, admit),
  async JPEG(bytes, { side, admit }) {
    const jpeg = readJpeg(bytes);
    admit(jpeg.width, jpeg.height, RGBA);
    if (jpeg.isUnusual) throw unusual("JPEG");
    if (jpeg.lossless) return readLossless(bytes, jpeg);
    if (jpeg.bits !== 8) throw new UnreadableError("is a JPEG of 12 bits, which is not read here; save it as PNG.");
    return { ...(await decodeNatively(jpeg.bytes, "JPEG", jpegFactor(side))), orientation: jpeg.orientation };
  },
  async PNG(bytes, { side, admit }) {
    const png = readPng(bytes), deep = png.bits === 16 && png.colour !== 3;
    const channels = ({ 0: 1, 2: 3, 4: 2, 6: 4 }[png.colour] ?? 4) + (png.transparent ? 1 : 0);
    admit(png.width, png.height, deep ? bytesPerPixel(channels, 2) : RGBA);
    const read = (each, hasAlpha) => decodeNatively(each, "PNG", largeFactor(side), hasAlpha);
    const image = deep ? await readDeepPng(png) : (await read(png.bytes, png.hasAlpha)) ?? (await readOpaquePng(png, read));
    return { ...image, orientation: png.orientation };
  },
  async WEBP(bytes, { side, admit }) {
    const webp = readWebp(bytes);
    admit(webp.width, webp.height, RGBA);
    const read = (each, hasAlpha) => decodeNatively(each, "WEBP", largeFactor(side), hasAlpha);
    const image = (await read(webp.bytes, webp.hasAlpha)) ?? (await read(withoutAlpha(webp.bytes)));
    return { ...image, orientation: webp.orientation };
  },
  GIF: (bytes, { side, admit }) => {
    if (bytes.length < 10) throw damaged();
    admit(viewOf(bytes).getUint16(6, true), viewOf(bytes).getUint16(8, true), RGBA);
    return decodeNatively(bytes, "GIF", largeFactor(side));
  },
  BMP: (bytes, { side, admit }) => {
    const view = viewOf(bytes), isOld = view.getUint32(14, true) === 12;
    const [width, height] = isOld ? [view.getUint16(18, true), view.getUint16(20, true)] : [view.getInt32(18, true), view.getInt32(22, true)];
    if (bytes.length < view.getUint32(10, true)) throw damaged();
    admit(width, Math.abs(height), RGBA);
    return decodeBmp(bytes, (each, hasAlpha) => decodeNatively(each, "BMP", largeFactor(side), hasAlpha));
  },
  AVIF: (bytes, { side, admit }) => {
    const { width, height } = boxSize(bytes);
    admit(width, height, RGBA);
    return decodeNatively(bytes, "AVIF", largeFactor(side));
  },
  HEIC: async (bytes, { side, admit }) => {
    const { width, height } = boxSize(bytes);
    admit(width, height, RGBA);
    try {
      return await decodeNatively(bytes, "HEIC", largeFactor(side)); // browsers of Apple
    } catch {
      throw new UnreadableError("is HEIC, which this browser does not read; save it as JPEG or PNG.");
    }
  },
  async JPEG2000(bytes, { name, admit }) {
    const { rows, columns, samples, bits } = readJpeg2000(bytes, name);
    admit(columns, rows, 4 * samples + 5);
    if (samples > 4) throw otherColours();
    if (samples % 2 === 0) throw unusual("JPEG 2000"); // the library knows no transparency
    const { width, height, channels, samples: pixels } = await DECODERS["jpeg-2000"](bytes);
    return toEight(bits < 8 ? scale(pixels, 0, 2 ** bits - 1) : pixels, width, height, channels);
  },
};

// Return a BMP, as if it were not transparent where all of it is. `read` decodes one.
async function decodeBmp(bytes, read) {
  const view = viewOf(bytes), size = view.getUint32(14, true), isOld = size === 12;
  const bits = view.getUint16(isOld ? 24 : 28, true), compression = isOld ? 0 : view.getUint32(30, true);
  if (compression > 3 || ![1, 4, 8, 16, 24, 32].includes(bits)) throw unusual("BMP");
  const image = await read(bytes, bits === 32);
  if (image) return image;
  const opaque = bytes.slice();
  opaque.fill(0, BMP_ALPHA, BMP_ALPHA + 4);
  return read(opaque);
}

async function readLossless(bytes, { orientation }) {
  const { width, height, channels, samples } = await DECODERS.lossless(bytes);
  if (samples instanceof Uint8Array) return { width, height, channels, data: samples, orientation };
  return { ...toEight(samples, width, height, channels), orientation };
}

async function readDeepPng(png) {
  const { pixels, channels } = await decodePng(png.bytes, png);
  return toEight(pixels, png.width, png.height, channels);
}

// Return a PNG that is transparent throughout as if it were not: programs that know no transparency leave it at 0.
// `read` decodes one in which nothing is transparent.
async function readOpaquePng(png, read) {
  if (png.colour < 4) return read(withoutTransparency(png.bytes));
  const { pixels, channels } = await decodePng(png.bytes, png);
  const { width, height } = png, colours = channels - 1;
  const data = new Uint8Array(width * height * colours);
  for (let i = 0; i < data.length; i++) data[i] = pixels[Math.floor(i / colours) * channels + (i % colours)];
  return { width, height, channels: colours, data };
}
