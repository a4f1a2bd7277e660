// Decode a PNG at full depth, which browsers cut down to 8 bits (ISO/IEC 15948).
import { crc32 } from "./crc.js";
import { inflate } from "./inflate.js";
import { pngChunks, viewOf } from "./metadata.js";
import { damaged } from "./unreadable.js";

const CHANNELS = { 0: 1, 2: 3, 4: 2, 6: 4 }; // by the type of colours; palettes are for browsers
// Of the passes of an interlaced PNG: the first column and row, and the steps to the next.
const ADAM7 = [
  [0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [0, 1, 1, 2],
];

// Return { pixels, channels } of a PNG of 8 or 16 bits that has no palette: Uint8Array or Uint16Array. With `transparent`,
// the contents of its chunk tRNS, those of 16 bits have another channel, of what is seen.
export async function decodePng(bytes, png) {
  const decoded = await decodeChannels(bytes, png), { pixels, channels } = decoded;
  return png.bits === 16 && png.transparent && channels % 2 ? withAlpha(pixels, channels, viewOf(png.transparent)) : decoded;
}

async function decodeChannels(bytes, { width, height, bits, colour }) {
  const channels = CHANNELS[colour];
  if (!channels || (bits !== 8 && bits !== 16)) throw damaged();
  const passes = bytes[28] ? ADAM7 : [[0, 0, 1, 1]], size = (channels * bits) / 8;
  const parts = [];
  for (const { name, data, start, end } of pngChunks(bytes)) {
    if (name !== "IDAT") continue;
    if (crc32(bytes.subarray(start + 4, end - 4)) !== viewOf(bytes).getUint32(end - 4)) throw damaged(); // as browsers do
    parts.push(data);
  }
  const sizes = passes.map(([left, top, across, down]) => {
    const columns = Math.ceil((width - left) / across), rows = Math.ceil((height - top) / down);
    return { columns, rows: columns < 1 ? 0 : Math.max(0, rows), row: columns * size };
  });
  const total = sizes.reduce((sum, { rows, row }) => sum + rows * (row + 1), 0);
  const { bytes: raw } = await inflate(new Blob(parts), "deflate", total).catch(() => {
    throw damaged();
  });
  if (raw.length < total) throw damaged();
  if (passes.length === 1) {
    unfilter(raw, 0, height, sizes[0].row, size);
    return { pixels: withoutFilters(raw, height, sizes[0].row, bits), channels };
  }
  const pixels = bits === 16 ? new Uint16Array(width * height * channels) : new Uint8Array(width * height * channels);
  let place = 0;
  for (const [pass, [left, top, across, down]] of passes.entries()) {
    const { columns, rows, row } = sizes[pass];
    unfilter(raw, place, rows, row, size);
    for (let y = 0; y < rows; y++, place += row + 1) {
      for (let x = 0, from = place + 1; x < columns; x++) {
        let to = ((top + y * down) * width + left + x * across) * channels;
        for (let c = 0; c < channels; c++) {
          pixels[to++] = bits === 16 ? (raw[from++] << 8) | raw[from++] : raw[from++];
        }
      }
    }
  }
  return { pixels, channels };
}

// Return the pixels of rows without the byte before each, in the same memory.
function withoutFilters(raw, rows, row, bits) {
  for (let y = 0; y < rows; y++) raw.copyWithin(y * row, y * (row + 1) + 1, (y + 1) * (row + 1));
  if (bits === 8) return raw.subarray(0, rows * row);
  const pixels = new Uint16Array(raw.buffer, 0, (rows * row) / 2);
  for (let i = 0; i < pixels.length; i++) pixels[i] = (raw[2 * i] << 8) | raw[2 * i + 1];
  return pixels;
}

// Undo the filters of some rows, each of which begins with a byte for its filter (clause 9).
function unfilter(raw, start, rows, row, size) {
  for (let y = 0, at = start; y < rows; y++, at += row + 1) {
    const filter = raw[at];
    if (filter > 4) throw damaged();
    for (let x = 1; filter && x <= row; x++) {
      const left = x > size ? raw[at + x - size] : 0, up = y ? raw[at + x - row - 1] : 0;
      if (filter === 1) raw[at + x] += left;
      else if (filter === 2) raw[at + x] += up;
      else if (filter === 3) raw[at + x] += (left + up) >> 1;
      else raw[at + x] += paeth(left, up, x > size && y ? raw[at + x - size - row - 1] : 0);
    }
  }
}

function paeth(left, up, corner) {
  const a = Math.abs(up - corner), b = Math.abs(left - corner), c = Math.abs(left + up - 2 * corner);
  return a <= b && a <= c ? left : b <= c ? up : corner;
}

// Return { pixels, channels } with another channel, 0 for the colour that is transparent (clause 11.3.2).
function withAlpha(pixels, channels, transparent) {
  const hidden = Array.from({ length: channels }, (_, c) => transparent.getUint16(2 * c));
  const total = pixels.length / channels, seen = new Uint16Array(total * (channels + 1));
  for (let i = 0, from = 0, to = 0; i < total; i++) {
    let isHidden = true;
    for (let c = 0; c < channels; c++) {
      isHidden &&= pixels[from] === hidden[c];
      seen[to++] = pixels[from++];
    }
    seen[to++] = isHidden ? 0 : 65_535;
  }
  return { pixels: seen, channels: channels + 1 };
}
