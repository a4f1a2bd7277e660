// Compressed frames of DICOM files, and what a frame says of itself: hub/imaging/dicom_codestream.py.
import { NAMES } from "./dicom_syntaxes.js";
import { viewOf } from "./metadata.js";
import { damaged, InputError, MAX_PARTS } from "./unreadable.js";

// Transfer syntaxes that are read, by what decodes them.
export const SYNTAXES = {
  "1.2.840.10008.1.2": "uncompressed", "1.2.840.10008.1.2.1": "uncompressed", "1.2.840.10008.1.2.2": "uncompressed",
  "1.2.840.10008.1.2.1.99": "uncompressed", "1.2.840.10008.1.2.4.50": "jpeg", "1.2.840.10008.1.2.4.51": "jpeg",
  "1.2.840.10008.1.2.4.57": "lossless", "1.2.840.10008.1.2.4.70": "lossless", "1.2.840.10008.1.2.4.80": "jpeg-ls",
  "1.2.840.10008.1.2.4.81": "jpeg-ls", "1.2.840.10008.1.2.4.90": "jpeg-2000", "1.2.840.10008.1.2.4.91": "jpeg-2000",
  "1.2.840.10008.1.2.5": "rle",
};
const ROOT = "1.2.840.10008.1.2"; // of transfer syntaxes
const DCT = [0xc0, 0xc1, 0xc2], LOSSLESS = 0xc3, LS = 0xf7;
const OTHER_PROCESSES = [0xc5, 0xc6, 0xc7, 0xc9, 0xca, 0xcb, 0xcd, 0xce, 0xcf]; // hierarchical, arithmetic
// Samples and bits by the number of segments of RLE, one for each byte of a pixel.
const RLE = { 1: [1, 8], 2: [1, 16], 4: [1, 32], 3: [3, 8], 6: [3, 16], 12: [3, 32] };

const begins = (bytes, ...head) => head.every((byte, i) => bytes[i] === byte);
export const isStream = (bytes) =>
  begins(bytes, 0xff, 0xd8) || begins(bytes, 0xff, 0x4f, 0xff, 0x51) || begins(bytes, 0, 0, 0, 0x0c, 0x6a, 0x50);
export const isItem = (bytes) => begins(bytes, 0xfe, 0xff, 0x00, 0xe0);

export function notRead(syntax, name) {
  const known = syntax.startsWith(ROOT) && NAMES[syntax.slice(ROOT.length)];
  return new InputError(`${name} is stored as ${known || "an unknown transfer syntax"}, which is not read here; export it uncompressed.`);
}

// Throw for a transfer syntax that is not read here.
export function checkSyntax(syntax, name) {
  if (!(syntax in SYNTAXES)) throw notRead(syntax, name);
}

// Return the one frame of encapsulated pixels (PS3.5 A.4), which may have any number of fragments.
export function joinFragments(bytes, name) {
  const view = viewOf(bytes), fragments = [];
  let place = 0;
  while (place + 8 <= bytes.length && isItem(bytes.subarray(place))) {
    if (fragments.length === MAX_PARTS) throw damaged();
    const length = view.getUint32(place + 4, true);
    fragments.push(bytes.subarray(place + 8, place + 8 + length));
    place += 8 + length;
    if (isItem(bytes.subarray(place + 1))) place += 1; // of odd length, and filled up without being counted
  }
  if (fragments.length && place > bytes.length && !hasEnd(fragments.at(-1))) throw damaged();
  if (fragments.length && !isStream(fragments[0])) fragments.shift(); // the table of offsets, which some leave out
  if (fragments.slice(1).some(isStream)) throw new InputError(`${name} has several frames; give a single radiograph.`);
  const frame = new Uint8Array(fragments.reduce((sum, part) => sum + part.length, 0));
  fragments.reduce((at, part) => (frame.set(part, at), at + part.length), 0);
  return frame;
}

function hasEnd(fragment) {
  let end = fragment.length;
  while (end && !fragment[end - 1]) end--;
  return fragment[end - 2] === 0xff && fragment[end - 1] === 0xd9;
}

// Return what a compressed frame says of itself: { codec, samples, bits, rows, columns, kind, usual }.
export function readCodestream(frame, stated, name) {
  try {
    if (begins(frame, 0xff, 0xd8)) return readJpegFrame(frame, name);
    if (isStream(frame)) return readJpeg2000(frame, name);
    return readRle(frame, stated, name);
  } catch (error) {
    if (error instanceof RangeError) throw damaged(); // it ends within a header
    throw error;
  }
}

function readJpegFrame(frame, name) {
  const view = viewOf(frame);
  let jfif = false, adobe = null, parts = 0;
  for (let place = 2; ; ) {
    const marker = view.getUint8(place + 1), length = view.getUint16(place + 2);
    if (view.getUint8(place) !== 0xff) throw damaged();
    if (marker === 0xff) {
      place++; // any number of them may stand before a marker
      continue;
    }
    if (parts++ === MAX_PARTS) throw damaged();
    if (OTHER_PROCESSES.includes(marker)) {
      throw new InputError(`${name} is stored as an unusual kind of JPEG; export it uncompressed.`);
    }
    const segment = frame.subarray(place + 4, place + 2 + length);
    if ([...DCT, LOSSLESS, LS].includes(marker)) return readFrameHeader(marker, segment, jfif, adobe, name);
    jfif ||= marker === 0xe0 && begins(segment, 0x4a, 0x46, 0x49, 0x46, 0);
    if (marker === 0xee && begins(segment, 0x41, 0x64, 0x6f, 0x62, 0x65) && segment.length === 12) adobe = segment[11];
    place += 2 + length;
  }
}

// Return what the frame header of a JPEG says (T.81 B.2.2).
function readFrameHeader(marker, segment, jfif, adobe, name) {
  const view = viewOf(segment);
  const bits = view.getUint8(0), samples = view.getUint8(5);
  const stream = { bits, samples, rows: view.getUint16(1) || null, columns: view.getUint16(3) || null, kind: null, usual: "RGB" };
  if (marker === LS) return { ...stream, codec: "jpeg-ls" };
  if (marker === LOSSLESS) return { ...stream, codec: "lossless" };
  if (bits !== 8) throw notRead("1.2.840.10008.1.2.4.51", name);
  const third = (from) => [...segment.slice(from)].filter((_, i) => i % 3 === 0).slice(0, samples);
  let kind = null;
  if (adobe !== null) kind = adobe ? "YBR_FULL" : "RGB";
  else if (String.fromCharCode(...third(6)) === "RGB") kind = "RGB";
  else if (jfif || new Set(third(7)).size > 1) kind = "YBR_FULL";
  return { ...stream, codec: "jpeg", kind: samples === 3 ? kind : null, usual: "YBR_FULL" };
}

// Return where the codestream of a JPEG 2000 begins, whatever boxes are before it.
function startOfCodestream(frame) {
  for (let start = 0; (start = frame.indexOf(0xff, start)) >= 0; start++) {
    if (frame[start + 1] === 0x4f && frame[start + 2] === 0xff && frame[start + 3] === 0x51) return start;
  }
  throw damaged();
}

// Return { unsigned, signed }: a JPEG 2000 that says that its samples have no signs, and whether they have.
export function withoutSigns(frame) {
  const unsigned = frame.slice(), start = startOfCodestream(frame), samples = viewOf(frame).getUint16(start + 40);
  for (let i = 0; i < samples; i++) unsigned[start + 42 + 3 * i] &= 0x7f;
  return { unsigned, signed: (frame[start + 42] & 0x80) > 0 };
}

// Return what the main header of a JPEG 2000 says (T.800 A.5.1, A.6.1).
export function readJpeg2000(frame, name) {
  const start = startOfCodestream(frame);
  const view = viewOf(frame);
  const [right, bottom, left, top] = [8, 12, 16, 20].map((offset) => view.getUint32(start + offset));
  const samples = view.getUint16(start + 40), depth = view.getUint8(start + 42);
  let kind = null;
  for (let place = start + 2; view.getUint16(place) !== 0xff90; place += 2 + view.getUint16(place + 2)) {
    const marker = view.getUint16(place);
    if (marker === 0xff50) throw notRead("1.2.840.10008.1.2.4.203", name); // high throughput
    if (marker === 0xff52 && samples === 3 && view.getUint8(place + 8)) kind = "RGB"; // the decoder undoes it
  }
  const size = { rows: bottom - top, columns: right - left };
  return { codec: "jpeg-2000", samples, bits: (depth & 0x7f) + 1, ...size, kind, usual: "RGB" };
}

// Return what the header of RLE says (PS3.5 G.5).
function readRle(frame, stated, name) {
  const compressed = stated !== null && SYNTAXES[stated] !== "uncompressed";
  if (compressed) checkSyntax(stated, name);
  const view = viewOf(frame), segments = view.getUint32(0, true), first = view.getUint32(4, true);
  if (segments in RLE && first === 64) {
    const [samples, bits] = RLE[segments];
    return { codec: "rle", samples, bits, rows: null, columns: null, kind: null, usual: "RGB" };
  }
  if (!compressed) throw new InputError(`${name} is compressed and does not say how; export it uncompressed.`);
  throw damaged();
}
