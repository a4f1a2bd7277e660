// One validated 8-bit image from the bytes of a file: hub/imaging/read.py.
import { cropBorders } from "./borders.js";
import { DECODERS } from "./codecs.js";
import { readJpeg2000 } from "./dicom_codestream.js";
import { HEAD, imageFormat, NAMES, otherFormat } from "./formats.js";
import { bytesPerPixel, toEight } from "./greys.js";
import { asGrey, reduce, turn } from "./image.js";
import { boxSize, readJpeg, readPng, readWebp, viewOf } from "./metadata.js";
import { decodeNatively } from "./native.js";
import { decodePng } from "./png.js";
import { checkRadiograph, checkSize, damaged, InputError, tooMuchMemory, UnreadableError } from "./unreadable.js";

const LARGE = 16_000_000; // pixels above which an image of any format is reduced
const RGBA = 4; // bytes of a pixel as a browser decodes it

// Return the image of a file, { width, height, channels, data, view }, without borders where `crop`. A large image is
// reduced, so that each side keeps `side` pixels within the borders. Throws InputError.
export async function readImage(bytes, name, { side, radiograph = true, crop = radiograph }) {
  try {
    const { image, reduced } = await readUpright(bytes, name, side, radiograph);
    if (!crop) return image;
    const inside = cropBorders(image), least = Math.min(inside.width, inside.height);
    if (!reduced || least >= side) return inside;
    const enough = Math.floor((side * Math.min(image.width, image.height)) / Math.max(1, least));
    return cropBorders((await readUpright(bytes, name, enough, radiograph)).image);
  } catch (error) {
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

const READERS = {
  DICOM: async (bytes, { name, admit }) => (await import("./dicom.js")).decodeDicom(bytes, name, admit),
  TIFF: async (bytes, { admit }) => (await import("./tiff.js")).decodeTiff(bytes, admit),
  PNM: async (bytes, { admit }) => (await import("./pnm.js")).decodePnm(bytes, admit),
  async JPEG(bytes, { side, admit }) {
    const jpeg = readJpeg(bytes);
    admit(jpeg.width, jpeg.height, RGBA);
    if (jpeg.lossless) return readLossless(bytes, jpeg);
    if (jpeg.bits !== 8) throw new UnreadableError("is a JPEG of 12 bits, which is not read here; save it as PNG.");
    return { ...(await decodeNatively(jpeg.bytes, "JPEG", jpegFactor(side))), orientation: jpeg.orientation };
  },
  async PNG(bytes, { side, admit }) {
    const png = readPng(bytes), deep = png.bits === 16 && png.colour !== 3;
    admit(png.width, png.height, deep ? bytesPerPixel({ 0: 1, 2: 3, 4: 2, 6: 4 }[png.colour] ?? 4, 2) : RGBA);
    const image = deep ? null : await decodeNatively(png.bytes, "PNG", largeFactor(side), png.hasAlpha);
    return { ...(image ?? (await readByHand(png))), orientation: png.orientation };
  },
  async WEBP(bytes, { side, admit }) {
    const webp = readWebp(bytes);
    admit(webp.width, webp.height, RGBA);
    return { ...(await decodeNatively(webp.bytes, "WEBP", largeFactor(side))), orientation: webp.orientation };
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
    return decodeNatively(bytes, "BMP", largeFactor(side));
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
    const { rows, columns, samples, bits, kind } = readJpeg2000(bytes, name);
    admit(columns, rows, 4 * samples + 5);
    const decoded = await DECODERS["jpeg-2000"](bytes);
    const { width, height, channels, samples: pixels } = decoded;
    if (bits === 8 && [1, 3].includes(channels)) return { width, height, channels, data: pixels, kind };
    return toEight(bits < 8 ? Uint16Array.from(pixels) : pixels, width, height, channels);
  },
};

async function readLossless(bytes, { orientation }) {
  const { width, height, channels, samples } = await DECODERS.lossless(bytes);
  if (samples instanceof Uint8Array) return { width, height, channels, data: samples, orientation };
  return { ...toEight(samples, width, height, channels), orientation };
}

// Return a PNG of 16 bits, or one that is transparent throughout: programs that know no transparency leave it at 0.
async function readByHand(png) {
  const { pixels, channels } = await decodePng(png.bytes, png);
  const { width, height } = png;
  if (png.bits === 16) return toEight(pixels, width, height, channels);
  const colours = channels > 2 ? 3 : 1;
  const data = new Uint8Array(width * height * colours);
  for (let i = 0; i < data.length; i++) data[i] = pixels[Math.floor(i / colours) * channels + (i % colours)];
  return { width, height, channels: colours, data };
}
