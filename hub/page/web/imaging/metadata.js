// Encoded images without their metadata, and what their headers say: hub/imaging/metadata.py.
//
// Colour profiles would make browsers show other greys than Python reads, and EXIF would turn an image in some
// browsers and not in others: both go, and the orientation is returned to be applied here.
import { crc32 } from "./crc.js";
import { latin1 } from "./formats.js";
import { damaged, few, UnreadableError } from "./unreadable.js";

const PNG_CHUNKS = new Set(["IHDR", "PLTE", "tRNS", "IDAT", "IEND"]);
const PNG_OPTIONAL = new Set(["tRNS", "eXIf"]); // which are left out where their checksum is wrong
const PNG_END = Uint8Array.of(0, 0, 0, 0, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82); // an empty chunk IEND
const JPEG_FRAMES = new Set([0xc0, 0xc1, 0xc2, 0xc3, 0xc5, 0xc6, 0xc7, 0xc9, 0xca, 0xcb, 0xcd, 0xce, 0xcf]);
const JPEG_UNUSUAL = new Set([0xc5, 0xc6, 0xc7, 0xc9, 0xca, 0xcb, 0xcd, 0xce, 0xcf]); // hierarchical, arithmetic
export const JPEG_SCAN = 0xda;
const JPEG_LOSSLESS = 0xc3, JPEG_LAST = 0xd9;
const MAX_SCANNED = 2_000_000_000; // pixels in all scans of a JPEG

export const viewOf = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
export const join = (parts) => {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let place = 0;
  for (const part of parts) {
    joined.set(part, place);
    place += part.length;
  }
  return joined;
};

// Yield { name, start, data, end } of each chunk of a PNG; one that is cut short ends with the file.
export function* pngChunks(bytes) {
  const view = viewOf(bytes);
  for (let start = 8; start + 8 <= bytes.length; ) {
    const length = view.getUint32(start), end = start + 12 + length;
    const name = latin1(bytes.subarray(start + 4, start + 8));
    yield { name, start, data: bytes.subarray(start + 8, start + 8 + length), end };
    if (name === "IEND") return;
    start = end;
  }
}

// Return { bytes, width, height, bits, colour, orientation, hasAlpha, transparent } of a PNG, the last one the contents of
// its chunk tRNS.
export function readPng(bytes) {
  if (bytes.length < 33) throw damaged();
  const view = viewOf(bytes), kept = [bytes.subarray(0, 8)];
  let orientation = null, ended = false, transparent = null;
  for (const { name, start, data, end } of few(pngChunks(bytes))) {
    if (end > bytes.length) throw damaged();
    const isWhole = !PNG_OPTIONAL.has(name) || crc32(bytes.subarray(start + 4, end - 4)) === view.getUint32(end - 4);
    if (isWhole && name === "eXIf") orientation = exifOrientation(data) ?? orientation;
    if (isWhole && name === "tRNS") transparent = data;
    if (isWhole && PNG_CHUNKS.has(name)) kept.push(bytes.subarray(start, end));
    ended ||= name === "IEND";
  }
  if (!ended) kept.push(PNG_END); // which some programs leave out
  const colour = bytes[25], hasAlpha = colour === 4 || colour === 6 || transparent !== null;
  const size = { width: view.getUint32(16), height: view.getUint32(20), bits: bytes[24] };
  return { bytes: join(kept), ...size, colour, hasAlpha, orientation, transparent };
}

// Return a PNG without its chunk tRNS.
export function withoutTransparency(bytes) {
  const kept = [...pngChunks(bytes)].filter(({ name }) => name !== "tRNS");
  return join([bytes.subarray(0, 8), ...kept.map(({ start, end }) => bytes.subarray(start, end))]);
}

// Yield [marker, start, end] of each segment of a JPEG, up to its first scan.
export function* jpegSegments(bytes) {
  for (let place = 2; place + 1 < bytes.length; ) {
    const marker = bytes[place + 1];
    if (bytes[place] !== 0xff || !(marker === 1 || (marker >= 0xc0 && marker < 0xff))) {
      place++; // bytes between segments are skipped, as libjpeg does
      continue;
    }
    const standalone = marker === 1 || (marker >= 0xd0 && marker <= 0xd9);
    const end = place + 2 + (standalone ? 0 : ((bytes[place + 2] << 8) | bytes[place + 3]));
    yield [marker, place, end];
    if (marker === JPEG_SCAN) return;
    place = end;
  }
}

// Yield the markers of a JPEG after its first scan; not those in the scans' data, which say where it begins anew.
function* laterMarkers(bytes, place) {
  while ((place = bytes.indexOf(0xff, place)) >= 0 && place + 1 < bytes.length) {
    const marker = bytes[place + 1];
    place += marker === 0xff ? 1 : 2;
    const isSegment = marker >= 0xc0 && marker < 0xff && !(marker >= 0xd0 && marker <= 0xd8);
    if (isSegment) yield marker;
    if (isSegment) place += (bytes[place] << 8) | bytes[place + 1];
  }
}

// Return whether a JPEG of so many pixels has an end. Throws where it has too many scans, each of which passes over all pixels;
// `first` is where the data of the first one begins.
export function checkScans(bytes, first, pixels) {
  let scans = 1, ended = false;
  for (const marker of few(laterMarkers(bytes, first))) {
    ended = marker === JPEG_LAST;
    if (ended) break;
    if (marker === JPEG_SCAN) scans++;
  }
  if (scans * pixels > MAX_SCANNED) throw new UnreadableError("has far too many scans; save it as a plain JPEG.");
  return ended;
}

// Return { bytes, width, height, bits, channels, lossless, isUnusual, orientation } of a JPEG.
export function readJpeg(bytes) {
  const kept = [bytes.subarray(0, 2)], jpeg = { orientation: null };
  let scan = 0;
  for (const [marker, start, end] of few(jpegSegments(bytes))) {
    if (marker === JPEG_SCAN) {
      kept.push(bytes.subarray(start));
      scan = end;
      break;
    }
    const text = latin1(bytes.subarray(start + 4, Math.min(start + 10, end)));
    if (marker === 0xe1 && text === "Exif\0\0") jpeg.orientation ??= exifOrientation(bytes.subarray(start + 10, end));
    if (JPEG_FRAMES.has(marker) && end - start >= 9 && end <= bytes.length) {
      const view = viewOf(bytes);
      Object.assign(jpeg, { bits: bytes[start + 4], height: view.getUint16(start + 5), width: view.getUint16(start + 7) });
      Object.assign(jpeg, { channels: bytes[start + 9], lossless: marker === JPEG_LOSSLESS, isUnusual: JPEG_UNUSUAL.has(marker) });
    }
    const isApplication = marker >= 0xe0 && marker <= 0xef;
    const keptApplication = (marker === 0xe0 && text.startsWith("JFIF\0")) || (marker === 0xee && text.startsWith("Adobe"));
    if ((!isApplication || keptApplication) && marker !== 0xfe) kept.push(bytes.subarray(start, end));
  }
  if (!jpeg.width || !jpeg.height || !scan) throw damaged();
  if (!checkScans(bytes, scan, jpeg.width * jpeg.height)) throw damaged();
  return { ...jpeg, bytes: join(kept) };
}

// Yield { name, start, next, data } of each chunk of a WebP.
function* webpChunks(bytes, end) {
  const view = viewOf(bytes);
  for (let start = 12, next; start + 8 <= end; start = next) {
    const length = view.getUint32(start + 4, true);
    next = start + 8 + length + (length % 2);
    yield { name: latin1(bytes.subarray(start, start + 4)), start, next, data: bytes.subarray(start + 8, start + 8 + length) };
  }
}

// Return { bytes, width, height, hasAlpha, orientation } of a WebP, without profile, EXIF and XMP.
export function readWebp(bytes) {
  const kept = [], webp = { orientation: null, hasAlpha: false }, end = 8 + viewOf(bytes).getUint32(4, true);
  if (end > bytes.length || bytes.length < 30) throw damaged();
  for (const { name, start, next, data } of few(webpChunks(bytes, end))) {
    if (name === "EXIF") webp.orientation ??= exifOrientation(data);
    else if (!["ICCP", "XMP "].includes(name)) kept.push(bytes.slice(start, next));
    webp.hasAlpha ||= name === "VP8L" || (name === "VP8X" && (data[0] & 0x10) > 0);
    if (name === "VP8X") {
      kept.at(-1)[8] &= ~(0x20 | 0x08 | 0x04);
      Object.assign(webp, { width: 1 + (uint24(data, 4)), height: 1 + uint24(data, 7) });
    } else if (name === "VP8 " && !webp.width) {
      Object.assign(webp, { width: (data[6] | (data[7] << 8)) & 0x3fff, height: (data[8] | (data[9] << 8)) & 0x3fff });
    } else if (name === "VP8L" && !webp.width) {
      const packed = data[1] | (data[2] << 8) | (data[3] << 16) | (data[4] << 24);
      Object.assign(webp, { width: 1 + (packed & 0x3fff), height: 1 + ((packed >>> 14) & 0x3fff) });
    }
  }
  if (!webp.width) throw damaged();
  return { ...webp, bytes: riff(kept) };
}

// Return a WebP of some chunks.
function riff(chunks) {
  const body = join(chunks), head = new TextEncoder().encode("RIFF....WEBP");
  viewOf(head).setUint32(4, 4 + body.length, true);
  return join([head, body]);
}

// Return a WebP of one frame as if none of it were transparent; of an animation nothing changes.
export function withoutAlpha(webp) {
  const kept = [];
  for (const { name, start, next } of webpChunks(webp, webp.length)) {
    const chunk = webp.slice(start, next);
    if (name === "VP8X") chunk[8] &= ~0x10;
    if (name === "VP8L") chunk[12] &= ~0x10;
    if (name !== "ALPH") kept.push(chunk);
  }
  return riff(kept);
}

const uint24 = (bytes, at) => bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16);

// Return the size that the boxes of an AVIF or HEIC file state: the largest of their "ispe".
export function boxSize(bytes) {
  const view = viewOf(bytes);
  let best = null;
  for (let place = 0; (place = bytes.indexOf(0x69, place)) >= 0 && place + 16 <= bytes.length; place++) {
    if (view.getUint32(place) !== 0x69737065 || view.getUint32(place + 4)) continue; // "ispe", version 0
    const [width, height] = [view.getUint32(place + 8), view.getUint32(place + 12)];
    if (!best || width * height > best.width * best.height) best = { width, height };
  }
  return best ?? { width: 1, height: 1 };
}

const ORDERS = { "II*\0": true, "MM\0*": false }; // whether bytes are little endian, by how EXIF begins
const ORIENTATION = 0x112; // the tag

// Return the orientation, 2 to 8, that EXIF states; null where it states none to turn by, or is damaged.
export function exifOrientation(exif) {
  const data = latin1(exif.subarray(0, 6)) === "Exif\0\0" ? exif.subarray(6) : exif, view = viewOf(data);
  const little = ORDERS[latin1(data.subarray(0, 4))];
  let found = null;
  try {
    if (little === undefined) return null;
    const first = view.getUint32(4, little) + 2, count = view.getUint16(first - 2, little);
    const whole = Math.min(count, Math.floor((data.length - first) / 12));
    for (let entry = first; entry < first + 12 * whole; entry += 12) { // the last one that states it counts
      if (view.getUint16(entry, little) !== ORIENTATION || view.getUint32(entry + 4, little) !== 1) continue;
      const read = { 1: "getUint8", 3: "getUint16", 4: "getUint32" }[view.getUint16(entry + 2, little)];
      if (read) found = view[read](entry + 8, little);
    }
  } catch {
    return null; // it ends within a header
  }
  return found >= 2 && found <= 8 ? found : null;
}
