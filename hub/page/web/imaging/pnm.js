// PBM, PGM, PPM and PFM, which no browser decodes (netpbm.sourceforge.net/doc, pauldebevec.com/Research/HDR/PFM).
import { latin1 } from "./formats.js";
import { bytesPerPixel, scale, toEight } from "./greys.js";
import { damaged } from "./unreadable.js";

const BLANKS = "[ \\t\\n\\v\\f\\r]"; // no others that a regular expression takes for space
const SPACE = `(?:${BLANKS}|#[^\\r\\n]*[\\r\\n])+`;
const HEADER = new RegExp(`^P([1-6fF])${SPACE}(\\d{1,9})${SPACE}(\\d{1,9})`);
const SCALE = new RegExp(`^${SPACE}([-+.\\deE]{1,30})(?=${BLANKS})`);

// Return the image in 8 bits. `admit(width, height, bytes)` is called before pixels are decoded.
export function decodePnm(bytes, admit) {
  const head = latin1(bytes.subarray(0, 65_536)), found = HEADER.exec(head);
  if (!found) throw damaged();
  const [start, kind, width, height] = [found[0], found[1], Number(found[2]), Number(found[3])];
  const isBitmap = kind === "1" || kind === "4", stated = isBitmap ? null : SCALE.exec(head.slice(start.length));
  if (!isBitmap && !stated) throw damaged();
  const white = isBitmap ? 1 : Number(stated[1]), channels = "36F".includes(kind) ? 3 : 1;
  if (Number.isNaN(white) || white === 0) throw damaged();
  const isFloat = "fF".includes(kind), size = isFloat ? 4 : white < 256 ? 1 : 2;
  if (!isFloat && !(white > 0 && white < 65_536)) throw damaged();
  admit(width, height, bytesPerPixel(channels, size));
  const body = start.length + (stated?.[0].length ?? 0) + ("123".includes(kind) ? 0 : 1);
  const total = width * height * channels;
  const stored = bytes.subarray(body);
  if (kind === "1" || kind === "4") {
    const bits = kind === "1" ? plainBits(stored, total) : packedBits(stored, width, height);
    return { width, height, channels, data: bits.map((bit) => (bit ? 0 : 255)) };
  }
  const values = "23".includes(kind) ? plainNumbers(stored, total, white) : binary(stored, total, size, isFloat, white < 0);
  if (isFloat) return toEight(flipped(values, width * channels), width, height, channels);
  if (size === 2) return toEight(values, width, height, channels);
  return { width, height, channels, data: scale(values, 0, white) };
}

const [TAB, LINE_FEED, RETURN, BLANK, HASH, ZERO, NINE] = [9, 10, 13, 32, 35, 48, 57];
const isSpace = (code) => code === BLANK || (code >= TAB && code <= RETURN);

// Return where the comment that starts here ends.
function endOfComment(bytes, at) {
  while (at < bytes.length && bytes[at] !== LINE_FEED && bytes[at] !== RETURN) at++;
  return at;
}

// Return numbers that are written out, with spaces and comments between them.
function plainNumbers(bytes, total, highest) {
  const numbers = new (highest < 256 ? Uint8Array : Uint16Array)(total);
  for (let at = 0, count = 0; count < total; ) {
    while (isSpace(bytes[at])) at++;
    if (bytes[at] === HASH) {
      at = endOfComment(bytes, at);
      continue;
    }
    let number = 0;
    const first = at;
    for (; bytes[at] >= ZERO && bytes[at] <= NINE && number <= highest; at++) number = 10 * number + bytes[at] - ZERO;
    if (at === first || number > highest) throw damaged();
    numbers[count++] = number;
  }
  return numbers;
}

// Return bits that are written out; there need be nothing between them.
function plainBits(bytes, total) {
  const bits = new Uint8Array(total);
  for (let at = 0, count = 0; count < total; at++) {
    if (bytes[at] === HASH) at = endOfComment(bytes, at);
    if (isSpace(bytes[at])) continue;
    if (bytes[at] !== ZERO && bytes[at] !== ZERO + 1) throw damaged();
    bits[count++] = bytes[at] - ZERO;
  }
  return bits;
}

function packedBits(bytes, width, height) {
  const row = Math.ceil(width / 8), bits = new Uint8Array(width * height);
  if (bytes.length < row * height) throw damaged();
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++) bits[to++] = (bytes[y * row + (x >> 3)] >> (7 - (x & 7))) & 1;
  }
  return bits;
}

function binary(bytes, total, size, isFloat, little) {
  if (bytes.length < total * size) throw damaged();
  if (size === 1) return bytes.subarray(0, total);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const values = isFloat ? new Float32Array(total) : new Uint16Array(total);
  for (let i = 0; i < total; i++) values[i] = isFloat ? view.getFloat32(4 * i, little) : view.getUint16(2 * i);
  return values;
}

// Return rows from the last to the first, as PFM stores them.
function flipped(values, row) {
  const turned = new Float32Array(values.length), rows = values.length / row;
  for (let y = 0; y < rows; y++) turned.set(values.subarray(y * row, (y + 1) * row), (rows - 1 - y) * row);
  return turned;
}
