// PBM, PGM, PPM and PFM, which no browser decodes (netpbm.sourceforge.net/doc, pauldebevec.com/Research/HDR/PFM).
import { latin1 } from "./formats.js";
import { bytesPerPixel, scale, toEight } from "./greys.js";
import { damaged } from "./unreadable.js";

const SPACE = "(?:\\s|#[^\\r\\n]*[\\r\\n])+";
const HEADER = new RegExp(`^P([1-6fF])${SPACE}(\\d{1,9})${SPACE}(\\d{1,9})`);
const SCALE = new RegExp(`^${SPACE}([-+.\\deE]{1,30})`);

// Return the image in 8 bits. `admit(width, height, bytes)` is called before pixels are decoded.
export function decodePnm(bytes, admit) {
  const head = latin1(bytes.subarray(0, 4096)), found = HEADER.exec(head);
  if (!found) throw damaged();
  const [start, kind, width, height] = [found[0], found[1], Number(found[2]), Number(found[3])];
  const isBitmap = kind === "1" || kind === "4", stated = isBitmap ? null : SCALE.exec(head.slice(start.length));
  if (!isBitmap && !stated) throw damaged();
  const white = isBitmap ? 1 : Number(stated[1]), channels = "36F".includes(kind) ? 3 : 1;
  if (!Number.isFinite(white) || white === 0) throw damaged();
  const isFloat = "fF".includes(kind), size = isFloat ? 4 : white < 256 ? 1 : 2;
  if (!isFloat && !(white > 0 && white < 65_536)) throw damaged();
  admit(width, height, bytesPerPixel(channels, size));
  const body = start.length + (stated?.[0].length ?? 0) + ("123".includes(kind) ? 0 : 1);
  const total = width * height * channels;
  const values = "123".includes(kind)
    ? plain(bytes.subarray(body), total, kind === "1")
    : kind === "4"
      ? bits(bytes.subarray(body), width, height)
      : binary(bytes.subarray(body), total, size, isFloat, white < 0);
  if (isFloat) return toEight(flipped(values, width * channels), width, height, channels);
  if (size === 2) return toEight(Uint16Array.from(values), width, height, channels);
  return { width, height, channels, data: scale(isBitmap ? values.map((bit) => 1 - bit) : values, 0, white) };
}

function plain(bytes, total, isBitmap) {
  const written = latin1(bytes).replace(/#[^\r\n]*/g, " "), found = written.match(isBitmap ? /[01]/g : /\d+/g) ?? [];
  if (found.length < total) throw damaged();
  return found.slice(0, total).map(Number);
}

function bits(bytes, width, height) {
  const row = Math.ceil(width / 8);
  if (bytes.length < row * height) throw damaged();
  return Array.from({ length: width * height }, (_, i) => {
    const x = i % width, y = (i - x) / width;
    return (bytes[y * row + (x >> 3)] >> (7 - (x & 7))) & 1;
  });
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
