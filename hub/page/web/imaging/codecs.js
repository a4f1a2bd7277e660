// Decoders of other projects, each loaded from this page's own address when a file first needs it.
import { withoutSigns } from "./dicom_codestream.js";
import { inflate } from "./inflate.js";
import { unpackLzw } from "./lzw.js";
import { readJpeg } from "./metadata.js";
import { damaged, unusual, withoutCodec } from "./unreadable.js";

const FOLDER = new URL("../vendor/codecs/", import.meta.url);
// The compressions of TIFF that are read; Deflate has two numbers.
export const COMPRESSION = { NONE: 1, LZW: 5, JPEG: 7, DEFLATE: 8, OLD_DEFLATE: 32_946, PACK_BITS: 32_773, WEBP: 50_001 };
const LOW_BITS_FIRST = 2; // an order of bits
const JPEG_BLOCK = 16; // pixels to whose multiple some programs fill the last strip
const loaded = new Map();

// Return what `make` promises, made once by name; a failure is not kept.
function once(name, make) {
  if (!loaded.has(name)) {
    const made = make().catch((error) => {
      loaded.delete(name);
      throw error;
    });
    loaded.set(name, made);
  }
  return loaded.get(name);
}

// Return the global that a classic script makes. Workers of this page are classic, so that they can load these.
async function script(file, name) {
  try {
    if (!(name in globalThis)) importScripts(new URL(file, FOLDER).href);
  } catch {
    throw withoutCodec();
  }
  return globalThis[name];
}

const wasm = (file, name) =>
  once(name, async () => {
    const make = await script(file, name), packed = await fetch(new URL(file.replace(".js", ".wasm"), FOLDER)).catch(() => null);
    if (!packed?.ok) throw withoutCodec();
    return make({ wasmBinary: await packed.arrayBuffer(), print() {}, printErr() {} });
  });

export const loadLossless = () => import("./lossless.js");
export const loadDicomParser = () => once("dicomParser", () => script("dicomParser.min.js", "dicomParser"));
export const loadGeoTiff = () => once("GeoTIFF", async () => withBounds(await script("geotiff.js", "GeoTIFF")));

// Return geotiff.js with decoders of as many bytes as a strip or tile has; its own have no limit.
function withBounds(geotiff) {
  class Deflate extends geotiff.BaseDecoder {
    async decodeBlock(packed) {
      const { bytes, isMore } = await inflate(new Blob([packed]), "deflate", this.parameters.size);
      if (isMore) throw damaged();
      return bytes.buffer;
    }
  }
  class Lzw extends geotiff.BaseDecoder {
    decodeBlock(packed) {
      return unpackLzw(new Uint8Array(packed), this.parameters.size).buffer;
    }
  }
  class PackBits extends geotiff.BaseDecoder {
    decodeBlock(packed) {
      return unpackBits(new Uint8Array(packed), this.parameters.size).buffer;
    }
  }
  geotiff.addDecoder([COMPRESSION.DEFLATE, COMPRESSION.OLD_DEFLATE], async () => Deflate);
  geotiff.addDecoder(COMPRESSION.LZW, async () => Lzw);
  geotiff.addDecoder(COMPRESSION.PACK_BITS, async () => PackBits);
  return geotiff;
}

// Return what decodes the strips or tiles of a page of geotiff.js; predictors are left in.
export async function tiffDecoder(page) {
  const directory = page.fileDirectory, { getDecoder } = await loadGeoTiff();
  const compression = directory.getValue("Compression") ?? COMPRESSION.NONE, width = page.getTileWidth(), height = page.getTileHeight();
  const samples = page.planarConfiguration === 2 ? 1 : page.getSamplesPerPixel();
  const size = height * Math.ceil((width * samples * page.getBitsPerSample()) / 8);
  if (compression !== COMPRESSION.JPEG) {
    const decoder = await getDecoder(compression, { size, samplesPerPixel: samples, predictor: 1 });
    const isReversed = compression !== COMPRESSION.WEBP && directory.getValue("FillOrder") === LOW_BITS_FIRST;
    return isReversed ? { decode: (packed) => decoder.decode(reversed(packed)) } : decoder;
  }
  const JPEGTables = directory.hasTag("JPEGTables") ? await directory.loadValue("JPEGTables") : undefined;
  const decoder = await getDecoder(compression, { predictor: 1, JPEGTables });
  return {
    decode: (packed) => {
      const jpeg = readJpeg(new Uint8Array(packed)), tallest = JPEG_BLOCK * Math.ceil(height / JPEG_BLOCK);
      if (jpeg.bits !== 8 || jpeg.lossless || jpeg.isUnusual) throw unusual("TIFF");
      if (jpeg.width !== width || jpeg.height > tallest || jpeg.channels !== samples) throw damaged();
      return decoder.decode(packed);
    },
  };
}

// Return bytes whose bits are in the other order.
function reversed(buffer) {
  const bytes = new Uint8Array(buffer);
  return bytes.map((byte) => ((((byte * 0x0802) & 0x22110) | ((byte * 0x8020) & 0x88440)) * 0x10101) >> 16).buffer;
}

// Return what a class of a library decodes. Whatever it throws, the bytes are damaged, and the library is loaded anew: it
// would decode no other ones.
async function byClass(file, library, name, bytes) {
  const decoder = new (await wasm(file, library))[name]();
  try {
    decoder.getEncodedBuffer(bytes.length).set(bytes);
    decoder.decode();
    const { width, height, bitsPerSample, componentCount } = decoder.getFrameInfo();
    const interleave = decoder.getInterleaveMode?.() ?? 2;
    const samples = asSamples(decoder.getDecodedBuffer(), bitsPerSample);
    if (!width || samples.length < width * height * componentCount) throw damaged();
    const interleaved = interleave || componentCount === 1 ? samples : interleaveSamples(samples, componentCount);
    decoder.delete();
    return { width, height, samples: interleaved, channels: componentCount };
  } catch {
    loaded.delete(library);
    throw damaged();
  }
}

// Return a copy of bytes as samples of 8 or 16 bits.
function asSamples(bytes, bits) {
  const copy = Uint8Array.from(bytes);
  return bits > 8 ? new Uint16Array(copy.buffer, 0, copy.length >> 1) : copy;
}

// Return samples that lie one colour after the other pixel by pixel.
export function interleaveSamples(planes, channels) {
  const total = planes.length / channels, samples = new planes.constructor(planes.length);
  for (let c = 0; c < channels; c++) for (let i = 0; i < total; i++) samples[i * channels + c] = planes[c * total + i];
  return samples;
}

// Each returns { width, height, channels, samples }, samples interleaved, Uint8Array or Uint16Array.
export const DECODERS = {
  "jpeg-ls": (bytes) => byClass("charlswasm_decode.js", "CharLSWASM", "JpegLSDecoder", bytes),
  // Signed samples are half of their range more than they are: the library clips those of 8 bits.
  "jpeg-2000": async (bytes) => {
    const { unsigned, signed } = withoutSigns(bytes);
    return { ...(await byClass("openjpegwasm_decode.js", "OpenJPEGWASM", "J2KDecoder", unsigned)), signed };
  },
  lossless: async (bytes) => (await loadLossless()).decodeLossless(bytes),
};

// Return the samples of an RLE frame (PS3.5 annex G), interleaved.
export function decodeRle(frame, pixels, channels, bits) {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length), size = bits / 8;
  const samples = new (size === 1 ? Uint8Array : size === 2 ? Uint16Array : Uint32Array)(pixels * channels);
  const starts = Array.from({ length: channels * size }, (_, i) => view.getUint32(4 + 4 * i, true));
  for (let i = 0; i < starts.length; i++) {
    const channel = Math.floor(i / size), shift = 2 ** (8 * (size - 1 - (i % size)));
    const plane = unpackBits(frame.subarray(starts[i], starts[i + 1] ?? frame.length), pixels);
    if (plane.length < pixels) throw damaged();
    for (let p = 0; p < pixels; p++) samples[p * channels + channel] += plane[p] * shift;
  }
  return samples;
}

// Return the first `length` bytes that runs stand for, fewer where they end before.
function unpackBits(runs, length) {
  const bytes = new Uint8Array(length);
  let to = 0;
  for (let from = 0; from < runs.length && to < length; ) {
    const control = runs[from++];
    if (control < 128) {
      const same = runs.subarray(from, Math.min(from + control + 1, from + length - to));
      bytes.set(same, to);
      from += control + 1;
      to += same.length;
    } else if (control > 128) {
      bytes.fill(runs[from++], to, to + 257 - control);
      to += 257 - control;
    }
  }
  return to < length ? bytes.slice(0, to) : bytes;
}
