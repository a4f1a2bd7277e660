// The elements of a DICOM header, read one by one and none of them trusted: hub/imaging/dicom_elements.py.
//
// dicom-parser finds the elements; their values are taken here from the bytes, so that a malformed one is no value
// and not an error.
import { loadDicomParser } from "./codecs.js";
import { latin1 } from "./formats.js";
import { partsOf } from "./inflate.js";
import { damaged } from "./unreadable.js";

// The elements that are read, with the type that they have where the file does not say.
const ELEMENTS = {
  TransferSyntaxUID: ["x00020010", "UI"], MediaStorageSOPClassUID: ["x00020002", "UI"], SOPClassUID: ["x00080016", "UI"],
  Modality: ["x00080060", "CS"], PresentationIntentType: ["x00080068", "CS"], CodeValue: ["x00080100", "SH"],
  CodeMeaning: ["x00080104", "LO"], ViewPosition: ["x00185101", "CS"], PatientOrientation: ["x00200020", "CS"],
  ViewCodeSequence: ["x00540220", "SQ"], ViewModifierCodeSequence: ["x00540222", "SQ"],
  NumberOfFrames: ["x00280008", "IS"], Rows: ["x00280010", "US"], Columns: ["x00280011", "US"],
  SamplesPerPixel: ["x00280002", "US"], PhotometricInterpretation: ["x00280004", "CS"],
  PlanarConfiguration: ["x00280006", "US"], BitsAllocated: ["x00280100", "US"], BitsStored: ["x00280101", "US"],
  HighBit: ["x00280102", "US"], PixelRepresentation: ["x00280103", "US"], PixelPaddingValue: ["x00280120", "US"],
  PixelPaddingRangeLimit: ["x00280121", "US"], RescaleIntercept: ["x00281052", "DS"], RescaleSlope: ["x00281053", "DS"],
  WindowCenter: ["x00281050", "DS"], WindowWidth: ["x00281051", "DS"], VOILUTFunction: ["x00281056", "CS"],
  ModalityLUTSequence: ["x00283000", "SQ"], VOILUTSequence: ["x00283010", "SQ"], LUTDescriptor: ["x00283002", "US"],
  LUTData: ["x00283006", "US"], PresentationLUTShape: ["x20500020", "CS"],
  RedPaletteColorLookupTableDescriptor: ["x00281101", "US"], RedPaletteColorLookupTableData: ["x00281201", "OW"],
  GreenPaletteColorLookupTableDescriptor: ["x00281102", "US"], GreenPaletteColorLookupTableData: ["x00281202", "OW"],
  BluePaletteColorLookupTableDescriptor: ["x00281103", "US"], BluePaletteColorLookupTableData: ["x00281203", "OW"],
  FloatPixelData: ["x7fe00008", "OF"], DoubleFloatPixelData: ["x7fe00009", "OD"], PixelData: ["x7fe00010", "OW"],
};
const TAGS = new Set(Object.values(ELEMENTS).map(([tag]) => tag));
// Types whose length has four bytes where elements say their type (PS3.5 7.1.2).
const LONG = new Set(["OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"]);
// Where the pixels are, in the order of their tags.
const PIXELS = ["FloatPixelData", "DoubleFloatPixelData", "PixelData"];
export const PALETTE = ["Red", "Green", "Blue"].map((colour) => `${colour}PaletteColorLookupTable`);
const BINARY = {
  US: ["getUint16", 2], SS: ["getInt16", 2], UL: ["getUint32", 4], SL: ["getInt32", 4], FL: ["getFloat32", 4],
  FD: ["getFloat64", 8], UV: ["getBigUint64", 8], SV: ["getBigInt64", 8],
};
const IMPLICIT = "1.2.840.10008.1.2", BIG_ENDIAN = "1.2.840.10008.1.2.2", DEFLATED = "1.2.840.10008.1.2.1.99";
const MAX_INFLATED = 160_000_000; // bytes: 64 megapixels of 16 bits, and what is around them
const LONGEST = 4096; // bytes of a text or of numbers
const MAX_PIECES = 50_000; // elements and items, of which a radiograph has a few hundred

// Return { elements, meta, bytes, little, cutShort }: the elements of a file, and how they are stored. Throws
// UnreadableError for bytes that are no elements.
export async function parse(bytes) {
  const parser = await loadDicomParser();
  const start = latin1(bytes.subarray(128, 132)) === "DICM" ? 132 : 0;
  const { meta, end } = readMeta(parser, bytes, start);
  const stated = text(meta, "TransferSyntaxUID") || null;
  let data = bytes.subarray(end);
  // A zero follows where the packed bytes are odd in number (PS3.5 A.5), and browsers take that for damage.
  if (stated === DEFLATED) data = (await inflate(data)) ?? (data.at(-1) ? null : await inflate(data.subarray(0, -1)));
  if (!data) throw damaged();
  const little = stated === BIG_ENDIAN ? looksLittle(data, false) : looksLittle(data, true);
  const explicit = /^[A-Z]{2}$/.test(latin1(data.subarray(4, 6)));
  const header = { parser, bytes: data, little, elements: {}, meta, stated };
  header.cutShort = readElements(parser, header, explicit);
  if (!Object.keys(header.elements).length) throw damaged();
  return header;
}

// Return the meta information (PS3.10 7.1), which is explicit and little endian, and where it ends.
function readMeta(parser, bytes, start) {
  const stream = boundedStream(parser, true, bytes), meta = { bytes, little: true, elements: {} };
  stream.position = start;
  try {
    while (stream.position + 8 <= bytes.length && bytes[stream.position] === 2 && bytes[stream.position + 1] === 0) {
      const element = parser.readDicomElementExplicit(stream);
      meta.elements[element.tag] = element;
    }
  } catch {
    throw damaged();
  }
  return { meta, end: stream.position };
}

// Return whether the first group, a small number, is stored little endian; many a file states the other.
function looksLittle(data, stated) {
  const [low, high] = data;
  return low && !high ? true : high && !low ? false : stated;
}

// Read elements up to and with the pixels; return whether the bytes end within one.
function readElements(parser, header, explicit) {
  const { bytes, little, elements } = header;
  const stream = boundedStream(parser, little, bytes);
  const read = explicit ? parser.readDicomElementExplicit : parser.readDicomElementImplicit;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  try {
    while (stream.position < bytes.length) {
      const head = elementHead(view, stream.position, little, explicit), isPixels = head.tag.startsWith("x7fe0");
      const isPassed = isPixels || (!TAGS.has(head.tag) && !head.undefinedLength);
      const element = isPassed ? head : read(stream, []);
      elements[element.tag] = element;
      if (isPassed) stream.pass(element.dataOffset + element.length);
      if (stream.position > bytes.length) return true;
      if (element.tag === "x7fe00010") return false; // what follows is of no use, and often no elements
    }
  } catch {
    if (stream.left < 0) throw damaged();
    return true;
  }
  return false;
}

// Return a stream that fails once it has been read in far too many pieces: a file may hold millions of empty ones.
function boundedStream(parser, little, bytes) {
  const order = little ? parser.littleEndianByteArrayParser : parser.bigEndianByteArrayParser;
  const stream = new parser.ByteStream(order, bytes), readUint16 = stream.readUint16;
  stream.left = 2 * MAX_PIECES; // a tag is two numbers
  stream.readUint16 = () => {
    if (--stream.left < 0) throw damaged();
    return readUint16.call(stream);
  };
  stream.pass = (position) => {
    if ((stream.left -= 2) < 0) throw damaged();
    stream.position = position;
  };
  return stream;
}

// Return an element whose value is not looked into; one of undefined length goes on to the end.
function elementHead(view, position, little, explicit) {
  const [group, number] = [0, 2].map((place) => view.getUint16(position + place, little).toString(16).padStart(4, "0"));
  const tag = `x${group}${number}`;
  const letters = String.fromCharCode(view.getUint8(position + 4), view.getUint8(position + 5));
  const vr = explicit && /^[A-Z]{2}$/.test(letters) ? letters : undefined; // some elements say none all the same
  const isLong = !vr || LONG.has(vr);
  const dataOffset = position + (vr && isLong ? 12 : 8);
  const length = isLong ? view.getUint32(dataOffset - 4, little) : view.getUint16(dataOffset - 2, little);
  const undefinedLength = length === 0xffffffff;
  return { tag, vr, dataOffset, length: undefinedLength ? view.byteLength - dataOffset : length, undefinedLength };
}

// Return the bytes that these unpack to; null where they are damaged, or too many.
async function inflate(data) {
  const stream = new Blob([data]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  const parts = [];
  let size = 0;
  try {
    for await (const part of partsOf(stream)) {
      size += part.length;
      if (size > MAX_INFLATED) return null;
      parts.push(part);
    }
  } catch {
    return null;
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

// Return which of PIXELS the header has; undefined if they are missing or empty.
export const pixels = (header) =>
  PIXELS.find((name) => {
    const element = find(header, name);
    return element && element.length > 0;
  });

export const find = (header, name) => header.elements[ELEMENTS[name][0]];

// Return the bytes of an element; none if it is missing, empty or a sequence.
export function raw(header, name) {
  const element = find(header, name);
  if (!element || element.items || !(element.length > 0)) return new Uint8Array(0);
  return header.bytes.subarray(element.dataOffset, element.dataOffset + element.length);
}

// Return the text of an element in capitals; "" if it is missing, empty or far too long.
export function text(header, name) {
  const value = raw(header, name);
  return value.length > LONGEST ? "" : latin1(value).replace(/^[ \0]+|[ \0]+$/g, "").toUpperCase();
}

// Return the numbers of an element, NaN for those that are none; [] if it is missing, empty or far too long.
export function numbers(header, name) {
  const value = raw(header, name);
  if (!value.length || value.length > LONGEST) return [];
  const stated = find(header, name).vr, kind = stated && stated !== "UN" ? stated : ELEMENTS[name][1];
  if (!(kind in BINARY)) return latin1(value).replace(/^[ \0]+|[ \0]+$/g, "").split("\\").map(number_);
  const [getter, size] = BINARY[kind];
  if (value.length % size) return [];
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  return Array.from({ length: value.length / size }, (_, i) => Number(view[getter](i * size, header.little)));
}

function number_(part) {
  const written = part.replace(/^[\s\0]+|[\s\0]+$/g, "").replaceAll(",", ".");
  return /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(written) ? Number(written) : NaN;
}

// Return the first number of an element; null if it is missing or not finite.
export function number(header, name) {
  const [value] = numbers(header, name);
  return Number.isFinite(value) ? value : null;
}

// Return the first number of an element as an integer; null if it is none.
export function integer(header, name) {
  const value = number(header, name);
  return Number.isInteger(value) ? value : null;
}

// Return the items of a sequence, each with elements of its own; [] if it is missing, empty or malformed.
export function items(header, name) {
  const element = find(header, name), { parser, bytes, little } = header;
  const found = element?.vr === "UN" && !element.items ? unknownItems(header, element) : element?.items ?? [];
  return found.filter((item) => item.dataSet).map(({ dataSet }) => ({ parser, bytes, little, elements: dataSet.elements }));
}

// Return the items of a sequence that was stored as an element of unknown type, with or without types in it (PS3.5 6.2.2).
function unknownItems({ parser, bytes, little }, { dataOffset, length }) {
  const stream = boundedStream(parser, little, bytes.subarray(0, dataOffset + length)), sequence = { dataOffset, length };
  stream.position = dataOffset;
  const isExplicit = /^[A-Z]{2}$/.test(latin1(bytes.subarray(dataOffset + 12, dataOffset + 14)));
  try {
    (isExplicit ? parser.readSequenceItemsExplicit : parser.readSequenceItemsImplicit)(stream, sequence, isExplicit ? [] : undefined);
  } catch {
    if (stream.left < 0) throw damaged();
    return [];
  }
  return sequence.items;
}
