// The one frame of a DICOM file: how its pixels are stored, and decoding them: hub/imaging/dicom_frame.py.
//
// Where header and pixels contradict each other the pixels count.
import { DECODERS, decodeRle, interleaveSamples } from "./codecs.js";
import { checkSyntax, isItem, isStream, joinFragments, readCodestream, SYNTAXES } from "./dicom_codestream.js";
import { find, integer, pixels, raw, text } from "./dicom_elements.js";
import { checkScans, join, JPEG_SCAN, jpegSegments } from "./metadata.js";
import { decodeNatively } from "./native.js";
import { damaged, few, InputError } from "./unreadable.js";

const SORTED = 40; // bytes for a number that is sorted, and its place
const GREY = ["MONOCHROME1", "MONOCHROME2", "PALETTE COLOR"]; // one sample per pixel
const COLOUR = ["RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"]; // three
const FLOATS = { FloatPixelData: 32, DoubleFloatPixelData: 64 }; // bits

const missing = (name, element) => new InputError(`${name} lacks ${element}; export it again, or as PNG.`);
const unusual = (name, element) => new InputError(`${name} has an unusual ${element}; export it again, or as PNG.`);

// Return the frame of a header that has pixels. Its fields are those of dicom_frame.Frame, with `codec` in place of
// the transfer syntax. What the header lacks is taken from the pixels, or is what viewers take.
export function readFrame(header, name) {
  const element = pixels(header), { stated } = header;
  const data = raw(header, element);
  const encapsulated = find(header, element).undefinedLength;
  if (encapsulated || (stated !== null && SYNTAXES[stated] !== "uncompressed")) {
    if (isItem(data) || isStream(data)) {
      const frame = isItem(data) ? joinFragments(data, name) : data;
      return compressed(header, frame, readCodestream(frame, stated, name), name);
    }
    if (stated !== null) checkSyntax(stated, name);
  }
  return uncompressed(header, data, element, name);
}

// Return the bytes of memory that a pixel takes until it has 8 bits.
export function bytesPerPixel({ element, allocated, samples }) {
  if (element in FLOATS || allocated > 16) return SORTED * samples;
  return samples * (allocated / 4 + 1) + (samples === 3 ? allocated / 8 + 3 : 0);
}

const sizeOf = ({ rows, columns, samples, allocated, kind }) => {
  const size = Math.ceil((rows * columns * samples * allocated) / 8);
  return kind === "YBR_FULL_422" ? Math.floor(size / 3) * 2 : size; // two pixels share their colour
};

function uncompressed(header, data, element, name) {
  const rows = readSize(header, "Rows", name), columns = readSize(header, "Columns", name);
  const samples = readSamples(header, Math.floor(data.length / (rows * columns)), name);
  const allocated = readAllocated(header, element, data.length, rows * columns * samples, name);
  const kind = readKind(header, samples, name);
  checkDepth(kind, allocated, name);
  const frame = {
    codec: null, data, element, rows, columns, samples, kind, allocated, precision: allocated, signed: isSigned(header),
    ...readBits(header, allocated, name), little: header.little, ofWords: (find(header, element).vr ?? "OW") === "OW",
    planar: samples === 3 && integer(header, "PlanarConfiguration") === 1,
  };
  if (kind === "YBR_FULL_422" && 2 * data.length >= 3 * sizeOf(frame)) frame.kind = "YBR_FULL";
  else if (kind === "YBR_FULL_422" && columns % 2) throw unusual(name, "PhotometricInterpretation");
  const size = sizeOf(frame);
  if (samples === 3 && [0, 1].includes(data.length - Math.floor(size / 3))) throw unusual(name, "SamplesPerPixel");
  if (data.length >= 2 * size) {
    throw new InputError(
      `${name} has ${Math.floor(data.length / size)} times the pixels of its Rows, Columns, SamplesPerPixel, ` +
        "BitsAllocated and NumberOfFrames; export it again, or as PNG.",
    );
  }
  return frame;
}

function compressed(header, data, stream, name) {
  if (![1, 3].includes(stream.samples)) {
    throw new InputError(`${name} has neither grey pixels nor plain colours; export it as grey.`);
  }
  const rows = stream.rows || readSize(header, "Rows", name), columns = stream.columns || readSize(header, "Columns", name);
  const kind = stream.kind || readKind(header, stream.samples, name, stream.usual).replace(/_422$/, "");
  checkDepth(kind, stream.bits, name);
  const isOddLs = stream.codec === "jpeg-ls" && [6, 7].includes(stream.bits);
  if (stream.bits > 32 || isOddLs) throw unusual(name, "number of bits per pixel");
  const allocated = [8, 16, 32].find((bits) => stream.bits <= bits);
  return {
    codec: stream.codec, data, element: "PixelData", rows, columns, samples: stream.samples, kind, allocated,
    precision: stream.bits, signed: isSigned(header), ...readBits(header, stream.bits, name), little: true, planar: false,
  };
}

function readSize(header, element, name) {
  const value = integer(header, element);
  if (value === null) throw missing(name, element);
  if (!(value > 0 && value < 65_536)) throw unusual(name, element);
  return value;
}

// Return the samples per pixel of uncompressed pixels; where the header contradicts itself, the pixels tell.
function readSamples(header, bytesPerPixel, name) {
  const kind = statedKind(header), stated = integer(header, "SamplesPerPixel");
  const usual = GREY.includes(kind) ? 1 : COLOUR.includes(kind) ? 3 : null;
  if (stated && ![1, 3].includes(stated)) throw unusual(name, "SamplesPerPixel");
  if (stated && [null, stated].includes(usual)) return stated;
  if (!stated && usual) return usual;
  const bytesPerSample = Math.floor((integer(header, "BitsAllocated") || 8) / 8) || 1;
  return bytesPerPixel >= 3 * bytesPerSample ? 3 : 1;
}

// Return the bits that a sample takes in uncompressed pixels.
function readAllocated(header, element, length, samples, name) {
  if (element in FLOATS) return FLOATS[element];
  const stated = integer(header, "BitsAllocated"), stored = integer(header, "BitsStored") || 1;
  const known = [1, 8, 16, 32].includes(stated), possible = known && stored <= stated;
  if (possible && length >= (samples * stated) / 8) return stated;
  // The length tells, if whole bytes make it but for a byte that makes it even.
  const fits = (bits) => [0, 1].includes(length - Math.floor((samples * bits) / 8)) && stored <= bits;
  const allocated = [8, 16, 32].find(fits) ?? (possible ? stated : null);
  if (allocated !== null) return allocated;
  throw stated === null ? missing(name, "BitsAllocated") : unusual(name, known ? "BitsStored" : "BitsAllocated");
}

// Return the photometric interpretation that the header states, "" if none.
export function statedKind(header) {
  const stated = text(header, "PhotometricInterpretation"), bare = (kind) => kind.replace(/[_ ]/g, "");
  return [...GREY, ...COLOUR].find((kind) => bare(kind) === bare(stated)) ?? stated;
}

function readKind(header, samples, name, usual = "RGB") {
  const stated = statedKind(header);
  if (stated && ![...GREY, ...COLOUR].includes(stated)) throw unusual(name, "PhotometricInterpretation");
  if (samples === 1) return GREY.includes(stated) ? stated : "MONOCHROME2";
  return ["RGB", "YBR_FULL", "YBR_FULL_422"].includes(stated) ? stated : usual;
}

function checkDepth(kind, bits, name) {
  if (kind.startsWith("YBR") && bits > 8) {
    throw new InputError(`${name} has more than 8 bits per colour in ${kind}; export it as grey.`);
  }
}

// Return how many bits of a sample count, and how many lie below (PS3.5 8.1.1).
function readBits(header, precision, name) {
  let stored = integer(header, "BitsStored"), high = integer(header, "HighBit");
  stored = Math.min(stored || (high !== null ? high + 1 : precision), precision);
  high = high === null ? stored - 1 : Math.min(high, precision - 1);
  if (stored < 1) throw unusual(name, "BitsStored");
  if (high < stored - 1) throw unusual(name, "HighBit");
  return { stored, unused: high - stored + 1 };
}

const isSigned = (header) => integer(header, "PixelRepresentation") === 1;

// Return the samples of a frame as stored, interleaved: unsigned integers with the bits that do not count, or floats.
export async function decodeFrame(frame) {
  let samples = frame.codec ? await decompress(frame) : unpack(frame);
  if (samples.length < frame.rows * frame.columns * frame.samples) throw damaged();
  if (frame.kind.startsWith("YBR") && frame.codec !== "jpeg") samples = toRgb(samples);
  return samples;
}

async function decompress(frame) {
  const { codec, data, rows, columns, samples, precision, allocated } = frame;
  if (codec === "rle") return decodeRle(data, rows * columns, samples, allocated);
  if (codec === "jpeg") {
    const image = await decodeNatively(withColourSpace(data, frame), "JPEG");
    if (image.width !== columns || image.height !== rows) throw damaged();
    if (image.channels === samples) return image.data;
    if (samples === 3) return image.data.length ? spread(image.data) : image.data;
    throw damaged();
  }
  const decoded = await DECODERS[codec](data);
  if (decoded.width !== columns || decoded.height !== rows || decoded.channels !== samples) throw damaged();
  return decoded.signed ? wrapped(decoded.samples, precision) : decoded.samples;
}

// Return grey samples as three equal colours.
function spread(grey) {
  const colours = new Uint8Array(3 * grey.length);
  for (let i = 0; i < grey.length; i++) colours.fill(grey[i], 3 * i, 3 * i + 3);
  return colours;
}

// Return samples that are half of their range too much as unsigned ones with the same bits.
const wrapped = (samples, bits) => samples.map((value) => (value + 2 ** (bits - 1)) & (2 ** bits - 1));

// Return a JPEG whose one application segment, that of Adobe, states its colours as the frame does (T.872 6.5.3): browsers go
// by it, but not where there is one of JFIF, too. One with EXIF would be turned.
function withColourSpace(data, { samples, kind, rows, columns }) {
  const kept = [data.subarray(0, 2)];
  if (samples === 3) kept.push(Uint8Array.of(0xff, 0xee, 0, 14, 0x41, 0x64, 0x6f, 0x62, 0x65, 0, 100, 0, 0, 0, 0, kind === "RGB" ? 0 : 1));
  for (const [marker, start, end] of few(jpegSegments(data))) {
    if (marker === JPEG_SCAN) checkScans(data, end, rows * columns);
    if (marker < 0xe0 || marker > 0xef) kept.push(data.subarray(start, marker === JPEG_SCAN ? data.length : end));
  }
  return join(kept);
}

// Return the samples of uncompressed pixels.
function unpack(frame) {
  const { allocated, samples, rows, columns, kind, little, planar, element } = frame;
  if (frame.data.length < sizeOf(frame)) throw damaged();
  const data = allocated === 8 && frame.ofWords && !little ? swapped(frame.data) : frame.data;
  const total = rows * columns * samples;
  if (kind === "YBR_FULL_422") return from422(data, rows * columns);
  if (allocated === 1) return fromBits(data, total);
  if (allocated === 8) return samples === 3 ? arrange(data.subarray(0, total), columns, planar) : data.subarray(0, total);
  const types = { 16: [Uint16Array, "getUint16"], 32: [Uint32Array, "getUint32"], 64: [Float64Array, "getFloat64"] };
  const [Type, getter] = element === "FloatPixelData" ? [Float32Array, "getFloat32"] : types[allocated];
  const view = new DataView(data.buffer, data.byteOffset, data.length), size = allocated / 8;
  const values = new Type(total);
  for (let i = 0; i < total; i++) values[i] = view[getter](i * size, little);
  return samples === 3 ? arrange(values, columns, planar) : values;
}

// Return bytes that are stored as words of which the higher byte comes first.
function swapped(bytes) {
  const pairs = new Uint8Array(bytes.length + (bytes.length % 2));
  for (let i = 0; i < bytes.length; i++) pairs[i ^ 1] = bytes[i];
  return pairs;
}

function fromBits(data, total) {
  const bits = new Uint8Array(total);
  for (let i = 0; i < total; i++) bits[i] = (data[i >> 3] >> (i & 7)) & 1;
  return bits;
}

// Return colours pixel by pixel, arranged the other way if that is far smoother: PlanarConfiguration is often wrong.
function arrange(stored, columns, planar) {
  const ways = [stored, interleaveSamples(stored, 3)];
  const [said, other] = planar ? [ways[1], ways[0]] : ways;
  return roughness(other, columns) < roughness(said, columns) / 2 ? other : said;
}

function roughness(samples, columns) {
  let sum = 0;
  for (let i = 3 * columns; i < samples.length; i++) sum += Math.abs(samples[i] - samples[i - 3 * columns]);
  return sum;
}

// Two pixels share their colour: Y Y Cb Cr (PS3.3 C.7.6.3.1.2).
function from422(data, total) {
  const samples = new Uint8Array(3 * total);
  for (let i = 0, to = 0; i < total; i++) {
    const at = 4 * (i >> 1);
    samples[to++] = data[at + (i & 1)];
    samples[to++] = data[at + 2];
    samples[to++] = data[at + 3];
  }
  return samples;
}

// Return RGB of YBR_FULL (PS3.3 C.7.6.3.1.2).
function toRgb(samples) {
  const clipped = new Uint8ClampedArray(samples.length);
  for (let i = 0; i < samples.length; i += 3) {
    const y = samples[i], cb = samples[i + 1] - 128, cr = samples[i + 2] - 128;
    clipped[i] = Math.floor(y + 1.402 * cr + 0.5);
    clipped[i + 1] = Math.floor(y - (0.114 * 1.772 * cb) / 0.587 - (0.299 * 1.402 * cr) / 0.587 + 0.5);
    clipped[i + 2] = Math.floor(y + 1.772 * cb + 0.5);
  }
  return new Uint8Array(clipped.buffer);
}
