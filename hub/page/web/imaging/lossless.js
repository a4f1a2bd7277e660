// Lossless JPEG (ITU-T T.81, annex H), in which many radiographs are stored in DICOM files.
import { viewOf } from "./metadata.js";
import { damaged, MAX_PARTS, unusual } from "./unreadable.js";

const FRAME = 0xc3, TABLES = 0xc4, END = 0xd9, SCAN = 0xda, INTERVAL = 0xdd;
// What a sample is predicted to be, from those on its left, above it, and on the left of that (table H.1).
const PREDICTORS = {
  1: (left) => left,
  2: (_, up) => up,
  3: (_, __, corner) => corner,
  4: (left, up, corner) => left + up - corner,
  5: (left, up, corner) => left + ((up - corner) >> 1),
  6: (left, up, corner) => up + ((left - corner) >> 1),
  7: (left, up) => (left + up) >> 1,
};

// Return { width, height, channels, samples }, samples interleaved, Uint8Array or Uint16Array. Throws where one is missing.
export function decodeLossless(bytes) {
  const tables = [];
  let frame = null, interval = 0;
  for (let place = 2, parts = 0; !frame?.missing || frame.missing.size; parts++) {
    const { marker, data, end } = segmentAt(bytes, place);
    place = end;
    if (marker === END || parts === MAX_PARTS || (marker === FRAME && frame)) throw damaged();
    if (marker === FRAME) frame = readFrame(data);
    if (marker === TABLES) readTables(data, tables);
    if (marker === INTERVAL) interval = viewOf(data).getUint16(0);
    if (marker === SCAN) place = decodeScan(bytes, place, frame, readScan(data, frame, tables), interval);
  }
  const { width, height, channels, samples } = frame;
  return { width, height, channels, samples };
}

// Return marker, contents and end of the first segment from a place on.
function segmentAt(bytes, place) {
  while (bytes[place] !== 0xff || bytes[place + 1] === 0xff || bytes[place + 1] === 0) {
    if (++place >= bytes.length) throw damaged();
  }
  const marker = bytes[place + 1], isBare = marker < 0xc0 || (marker >= 0xd0 && marker <= END), start = place + 2;
  const end = isBare ? start : start + viewOf(bytes).getUint16(start);
  return { marker, data: bytes.subarray(start + 2, end), end };
}

function readFrame(data) {
  const view = viewOf(data), precision = data[0], height = view.getUint16(1), width = view.getUint16(3), channels = data[5];
  const ids = Array.from({ length: channels }, (_, i) => view.getUint8(6 + 3 * i));
  const isSampled = channels > 1 && ids.some((_, i) => data[7 + 3 * i] !== 0x11);
  if (!(precision >= 2 && precision <= 16 && width && height && channels) || new Set(ids).size < channels) throw damaged();
  if (isSampled || channels > 4) throw unusual("JPEG");
  const samples = new (precision > 8 ? Uint16Array : Uint8Array)(width * height * channels);
  return { precision, height, width, channels, ids, missing: new Set(ids), samples };
}

function readTables(data, tables) {
  for (let at = 0; at < data.length; ) {
    const counts = data.subarray(at + 1, at + 17), total = counts.reduce((sum, count) => sum + count, 0);
    tables[data[at]] = { counts, sizes: data.subarray(at + 17, at + 17 + total) };
    at += 17 + total;
  }
}

// Return { parts, predict, shift } of a scan: the channel and the codes of each of its components, the function that
// predicts samples, and by how many bits they are cut.
function readScan(data, frame, tables) {
  const count = data[0], predict = PREDICTORS[data[1 + 2 * count]], shift = data[3 + 2 * count] & 15;
  if (!frame || !(count >= 1) || data.length < 4 + 2 * count || shift >= frame.precision) throw damaged();
  if (!predict) throw unusual("JPEG");
  const parts = Array.from({ length: count }, (_, i) => {
    const id = data[1 + 2 * i], table = tables[data[2 + 2 * i] >> 4];
    if (!table || !frame.missing.delete(id)) throw damaged();
    return { channel: frame.ids.indexOf(id), codes: codesOf(table) };
  });
  return { parts, predict, shift };
}

// Return, for each 16 bits that may come, the length of the code that they begin with, 0 for none, and what it stands for:
// the number of bits of a difference.
function codesOf({ counts, sizes }) {
  const lengths = new Uint8Array(1 << 16), meanings = new Uint8Array(1 << 16);
  let code = 0, index = 0;
  for (const [i, count] of counts.entries()) {
    for (let left = count; left > 0; left--, index++) {
      const next = code + (1 << (15 - i));
      if (next > 1 << 16 || !(sizes[index] <= 16)) throw damaged();
      lengths.fill(i + 1, code, next);
      meanings.fill(sizes[index], code, next);
      code = next;
    }
  }
  return { lengths, meanings };
}

// Decode the samples of a scan whose data begins at a place, and return where it ends.
function decodeScan(bytes, place, { width, height, channels, precision, samples }, { parts, predict, shift }, interval) {
  const bits = bitReader(bytes, place), row = width * channels, middle = 1 << (precision - shift - 1);
  const rows = interval ? interval / width : height; // between two restarts
  if (!Number.isInteger(rows)) throw unusual("JPEG");
  for (let y = 0; y < height; y++) {
    const isFirst = y % rows === 0;
    if (isFirst && y) bits.restart();
    for (let x = 0, at = y * row; x < width; x++, at += channels) {
      for (const { channel, codes } of parts) {
        const to = at + channel;
        let predicted = middle;
        if (isFirst && x) predicted = samples[to - channels] >> shift;
        else if (!isFirst && !x) predicted = samples[to - row] >> shift;
        else if (!isFirst) {
          predicted = predict(samples[to - channels] >> shift, samples[to - row] >> shift, samples[to - row - channels] >> shift);
        }
        samples[to] = (predicted + bits.difference(codes)) << shift;
      }
    }
    if (bits.isPast()) throw damaged();
  }
  return bits.place();
}

// Return what reads the bits of a scan, up to a marker: `difference` by codes, `restart` after the marker, `isPast` says
// whether more bits were read than there are, and `place` where they end.
function bitReader(bytes, place) {
  let held = 0, count = 0, lacking = 0;
  const fill = () => {
    for (; count <= 24; count += 8) {
      const byte = bytes[place], isEnd = byte === undefined || (byte === 0xff && bytes[place + 1] !== 0);
      if (isEnd) lacking += 8;
      else place += byte === 0xff ? 2 : 1; // a zero follows it that means nothing
      held = (held << 8) | (isEnd ? 0 : byte);
    }
  };
  const difference = ({ lengths, meanings }) => {
    fill();
    const next = (held >>> (count - 16)) & 0xffff, size = meanings[next];
    if (!lengths[next]) throw damaged();
    count -= lengths[next];
    if (size === 0 || size === 16) return size << 11;
    if (count < size) fill();
    count -= size;
    const value = (held >>> count) & ((1 << size) - 1);
    return value < 1 << (size - 1) ? value - (1 << size) + 1 : value;
  };
  const restart = () => {
    const { marker, end } = segmentAt(bytes, place);
    if (!(marker >= 0xd0 && marker <= 0xd7)) throw damaged();
    [place, held, count, lacking] = [end, 0, 0, 0];
  };
  return { difference, restart, isPast: () => count < lacking, place: () => place };
}
