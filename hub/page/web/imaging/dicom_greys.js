// From the pixels of a DICOM file to greys and colours as a viewer shows them: hub/imaging/dicom_greys.py.
//
// Sections are those of PS3.3. An element whose value makes no sense is as good as missing.
import { items, number, numbers, PALETTE, raw, text, find } from "./dicom_elements.js";
import { statedKind } from "./dicom_frame.js";
import { limits, rint, shade } from "./greys.js";
import { asGrey } from "./image.js";
import { damaged } from "./unreadable.js";

const TINY = 2.2250738585072014e-308; // the least width of a window that is not linear

// Return samples in 8 bits, { channels, data }: modality LUT or rescaling, then the first valid VOI LUT or window,
// then inversion. Without VOI LUT and window, and in colour, samples of up to 8 bits stay as they are, and deeper
// ones are stretched between `greys.limits`, not counting padding, which becomes black.
export function toEightBits(samples, frame, header) {
  // Computed once for each value that occurs, then looked up for every sample.
  const { occurring, counts, look } = distinct(samples);
  const values = stored(occurring, frame, samples);
  if (frame.kind === "PALETTE COLOR") return palette(values, frame, header, look);
  const padding = findPadding(occurring, values, frame, header, samples);
  const shares = (frame.samples === 3 ? showColour : showGrey)(values, counts, padding, frame, header);
  // In a DX image MONOCHROME1 and INVERSE mean one inversion, not two (C.8.11.3.1).
  const inverse = frame.samples === 1 && text(header, "PresentationLUTShape") === "INVERSE";
  const inverted = inverse || statedKind(header) === "MONOCHROME1";
  const shades = bytesOf(shares, (share, i) => {
    if (padding[i]) return 0;
    const grey = shade(Number.isFinite(share) ? share : share === Infinity ? 1 : 0);
    return inverted ? 255 - grey : grey;
  });
  return { channels: frame.samples, data: look(shades, 1) };
}

// Return the values that occur, how often each does, and a function that looks up an entry for each sample. Of more than
// 16 bits every sample counts as a value of its own, and there are no counts: a list of those that differ may be as long.
function distinct(samples) {
  if (samples.BYTES_PER_ELEMENT <= 2) return distinctByTable(samples);
  return { occurring: new Float64Array(samples), counts: null, look: (entries) => entries };
}

function distinctByTable(samples) {
  const every = new Float64Array(1 << (8 * samples.BYTES_PER_ELEMENT)), places = new Int32Array(every.length);
  for (let i = 0; i < samples.length; i++) every[samples[i]]++;
  const occurring = [], counts = [];
  every.forEach((count, value) => {
    if (!count) return;
    places[value] = occurring.length;
    occurring.push(value);
    counts.push(count);
  });
  const look = (entries, width) => spreadOut(samples.length, width, entries, (i) => places[samples[i]]);
  return { occurring: Float64Array.from(occurring), counts, look };
}

function spreadOut(length, width, entries, place) {
  const found = new Uint8Array(length * width);
  for (let i = 0, to = 0; i < length; i++) for (let c = 0, at = place(i) * width; c < width; c++) found[to++] = entries[at + c];
  return found;
}

// Return whether values are signed, and the bits above each number repeat its sign.
function isExtended(values, { signed, stored, precision }) {
  const ones = 2 ** (precision - stored + 1) - 1;
  return signed && values.every((value) => [0, ones].includes(Math.floor(value / 2 ** (stored - 1))));
}

// Return a byte for each value; Uint8Array.from takes seconds for millions of them.
function bytesOf(values, make) {
  const bytes = new Uint8Array(values.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = make(values[i], i);
  return bytes;
}

const isFloat = (samples) => samples instanceof Float32Array || samples instanceof Float64Array;
const highest = (values) => values.reduce((most, value) => Math.max(most, value), -Infinity);
const signedValue = (value, bits) => (value >= 2 ** (bits - 1) ? value - 2 ** bits : value);

// Return the values without the bits that do not count, and with their sign.
function stored(occurring, frame, samples) {
  if (isFloat(samples)) return occurring;
  // Many a header that has unused bits below the others is wrong, and they are above; and the other way.
  const below = frame.precision - frame.stored, isSmall = highest(occurring) < 2 ** frame.stored;
  const isFree = (bits) => occurring.every((value) => value % 2 ** bits === 0);
  let { unused } = frame;
  if (isSmall && !isFree(unused)) unused = 0;
  else if (!(unused || isSmall || isExtended(occurring, frame)) && isFree(below)) unused = below;
  return occurring.map((value) => {
    const kept = Math.floor(value / 2 ** unused) % 2 ** frame.stored;
    return frame.signed ? signedValue(kept, frame.stored) : kept;
  });
}

// Return which values are padding: its value may be one of all bits of a sample, or of those that count.
function findPadding(occurring, values, frame, header, samples) {
  const first = number(header, "PixelPaddingValue"), last = number(header, "PixelPaddingRangeLimit") ?? first;
  const isCounted = first !== null && frame.samples === 1 && !isFloat(samples);
  if (!isCounted) return bytesOf(values, (value) => (Number.isFinite(value) ? 0 : 1));
  const allocated = occurring.map((value) => (frame.signed ? signedValue(value, frame.allocated) : value));
  const among = (bits) => {
    const ends = inRange([first, last], bits, frame.signed);
    return ends ? (value) => value >= Math.min(...ends) && value <= Math.max(...ends) : () => false;
  };
  const amongStored = among(frame.stored), amongAllocated = among(frame.allocated);
  // With unused bits below, all bits of another value may make the same number.
  if (values.some(amongStored)) return bytesOf(values, (value) => (amongStored(value) ? 1 : 0));
  return bytesOf(allocated, (value) => (amongAllocated(value) ? 1 : 0));
}

// Return both ends as numbers of so many bits, null if they are none. A number with the same bits counts as the same. Where
// one end alone is beyond these bits, it is the last number of them: one with the same bits may lie on the other side.
function inRange(ends, bits, signed) {
  const lowest = signed ? -(2 ** (bits - 1)) : 0, highest = lowest + 2 ** bits - 1;
  const moved = (...offsets) =>
    ends.map((end) => offsets.map((offset) => end + offset).find((each) => each >= lowest && each <= highest) ?? null);
  const found = moved(0, -(2 ** 16), 2 ** 16);
  if (found.every((end) => end === null)) {
    const same = moved(-(2 ** bits), 2 ** bits);
    return same.includes(null) ? null : same;
  }
  return ends.map((end, i) => found[i] ?? Math.min(Math.max(end, lowest), highest));
}

// Return how bright each value of a grey image is, from 0 for black to 1.
function showGrey(values, counts, padding, frame, header) {
  const rescale = rescaling(frame, header), rescaled = values.map(rescale);
  const table = firstTable(header, "VOILUTSequence", rescaled.some((value) => value < 0));
  if (table) return rescaled.map((value) => lookUp(value, table) / table.white);
  const window = firstWindow(header);
  if (window) return rescaled.map(window);
  if (frame.stored > 8) return stretched(rescaled, ...seenLimits(rescaled, counts, padding));
  const lowest = frame.signed ? -(2 ** (frame.stored - 1)) : 0;
  const every = Array.from({ length: 2 ** frame.stored }, (_, i) => rescale(lowest + i));
  return stretched(rescaled, Math.min(...every), Math.max(...every));
}

// Return how bright each value of a colour is, from 0 to 1. Windows are for grey only (C.11.2).
function showColour(values, counts, padding, frame) {
  if (frame.stored <= 8) return stretched(values, 0, 2 ** frame.stored - 1);
  return stretched(values, ...seenLimits(values, counts, padding));
}

function seenLimits(values, counts, padding) {
  const seen = padding.includes(1) ? values.filter((_, i) => !padding[i]) : values.slice();
  if (!seen.length) return [0, 0];
  if (!counts) return limits(seen.sort(), new Uint8Array(seen.length).fill(1));
  const order = Array.from(values.keys()).filter((i) => !padding[i]).sort((a, b) => values[a] - values[b]);
  return limits(order.map((i) => values[i]), order.map((i) => counts[i]));
}

const clip = (share) => Math.min(Math.max(share, 0), 1);
const stretched = (values, black, white) =>
  values.map((value) => (white > black ? clip((value - black) / (white - black)) : 0));

// Return the function of the first valid modality LUT (C.11.1.1), else of slope and intercept.
function rescaling(frame, header) {
  const table = firstTable(header, "ModalityLUTSequence", frame.signed);
  if (table) return (value) => lookUp(value, table);
  const slope = number(header, "RescaleSlope") || 1; // 0 would make every image blank
  const intercept = number(header, "RescaleIntercept") || 0;
  return (value) => value * slope + intercept;
}

// Return the function of the first valid window; undefined without one.
function firstWindow(header) {
  const make = FUNCTIONS[text(header, "VOILUTFunction")] ?? FUNCTIONS.LINEAR;
  const centres = numbers(header, "WindowCenter"), widths = numbers(header, "WindowWidth");
  for (let i = 0; i < Math.min(centres.length, widths.length); i++) {
    const isValid = Number.isFinite(centres[i]) && Number.isFinite(widths[i]) && widths[i] >= make.least;
    if (isValid) return make(centres[i], widths[i]);
  }
}

// C.11.2.1.2.1, C.11.2.1.3.1 and C.11.2.1.3.2, with the least width of each.
const FUNCTIONS = {
  LINEAR: Object.assign(
    (centre, width) => (x) =>
      x <= centre - 0.5 - (width - 1) / 2 ? 0 : clip((x - (centre - 0.5)) / Math.max(width - 1, TINY) + 0.5),
    { least: 1 },
  ),
  LINEAR_EXACT: Object.assign((centre, width) => (x) => clip((x - centre) / width + 0.5), { least: TINY }),
  SIGMOID: Object.assign(
    (centre, width) => (x) => 1 / (1 + Math.exp(Math.min(Math.max((-4 * (x - centre)) / width, -700), 700))),
    { least: TINY },
  ),
};

function firstTable(header, sequence, signed) {
  for (const item of items(header, sequence)) {
    const table = readTable(item, "LUTDescriptor", "LUTData", signed);
    if (table) return table;
  }
  return null;
}

// Return a lookup table (C.11.1.1.1), { first, entries, white }; null if it is malformed. `signed` says whether the
// values to look up may be negative.
function readTable(header, descriptor, data, signed) {
  const described = numbers(header, descriptor), bytes = raw(header, data);
  // Numbers that fit 16 bits, or a count of one more.
  if (described.length !== 3 || !described.every((value) => value >= -32_768 && value <= 65_536) || !bytes.length) return null;
  let [count, first, depth] = described.map(Math.trunc);
  count = ((count % 65_536) + 65_536) % 65_536 || 65_536; // which does not fit in 16 bits, and is stored as 0
  // Entries of 8 bits may be stored in one byte or two.
  const size = bytes.length >= 2 * count ? 2 : [count, count + 1].includes(bytes.length) ? 1 : 0;
  if (!size) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const entries = Array.from({ length: count }, (_, i) => (size === 2 ? view.getUint16(2 * i, header.little) : bytes[i]));
  const bits = 32 - Math.clz32(highest(entries));
  depth = Math.max(depth >= 1 && depth <= 16 ? depth : 1, bits);
  return { first: signed && first >= 32_768 ? first - 65_536 : first, entries, white: 2 ** depth - 1 };
}

function lookUp(value, { first, entries }) {
  const place = rint(Number.isNaN(value) ? 0 : value) - first;
  return entries[Math.min(Math.max(place, 0), entries.length - 1)];
}

// Return the colours of a palette (C.7.9), grey where all of them are.
function palette(values, frame, header, look) {
  const tables = PALETTE.map((name) => readTable(header, `${name}Descriptor`, `${name}Data`, frame.signed));
  if (tables.includes(null)) throw damaged();
  // Many tables of 16 bits hold 8.
  const most = Math.max(...tables.map(({ entries }) => highest(entries)));
  const white = most < 256 ? 255 : Math.max(...tables.map((table) => table.white));
  const colours = new Uint8Array(3 * values.length);
  for (const [c, table] of tables.entries()) {
    for (let i = 0; i < values.length; i++) colours[3 * i + c] = rint(lookUp(values[i], table) * (255 / white));
  }
  const { channels, data } = asGrey({ width: values.length, height: 1, channels: 3, data: colours });
  return { channels, data: look(data, channels) };
}

export const lacksPalette = (header) => PALETTE.map((name) => `${name}Data`).find((name) => !find(header, name)?.length);
