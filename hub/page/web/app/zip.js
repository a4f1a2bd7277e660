// The members of a ZIP, unpacked one at a time and within limits: hub/inference/archive.py.
import { HEAD, imageFormat, latin1 } from "../imaging/formats.js";
import { partsOf } from "../imaging/inflate.js";
import { InputError } from "../imaging/unreadable.js";

const MAX_MEMBERS = 2000;
const MAX_BYTES = 100_000_000; // of one unpacked member
const MAX_RATIO = 100; // radiographs shrink 2 to 20 times in a ZIP, a bomb 1,000 times
const END = 22 + 65_536; // bytes at the end of a ZIP that hold its last record, and a comment behind it
const SUFFIXES = /\.(png|jpe?g|jpe|jfif|gif|webp|avif|hei[cf]|hif|tiff?|bmp|dib|jp2|j2k|jpf|jpx|p[bgpn]m|pfm|dcm|dicom)$/i;
const CLUTTER = /(^|\/)(__MACOSX|\.[^/]*|Thumbs\.db|desktop\.ini|DICOMDIR)(\/|$)/i;

// Return whether a file is a ZIP, by its first bytes; none where it cannot be read, as a folder that was dropped.
export const isZip = async (file) => /^PK(\x03\x04|\x05\x06)/.test(latin1(await bytesOf(file.slice(0, 4)).catch(() => "")));

const bytesOf = async (blob) => new Uint8Array(await blob.arrayBuffer());

// Yield { name, file } of each image in a ZIP, { name, error } of what cannot be unpacked, and { name, note } at the
// end of what is no image.
export async function* unzip(zip) {
  try {
    yield* members(zip);
  } catch (error) {
    if (error instanceof InputError) yield { name: zip.name, error: error.message };
    else yield { name: zip.name, error: `${zip.name} is damaged or cut short, or a part of a split ZIP; export or download it again, whole.` };
  }
}

async function* members(zip) {
  const entries = (await readTable(zip)).filter(({ name }) => !name.endsWith("/") && !CLUTTER.test(name));
  check(entries, zip);
  const omitted = [];
  let found = false;
  for (const entry of entries) {
    const label = entry.name.split("/").at(-1), name = `${zip.name}/${entry.name}`;
    const file = await unpack(zip, entry, label).catch((error) => ({ error }));
    if (file === null) omitted.push(label);
    else found = true;
    if (file?.error) yield { name, error: sentence(file.error, label) };
    else if (file) yield { name, file };
  }
  if (!found) throw new InputError(`${zip.name} holds no pictures; put some into it.`);
  if (omitted.length) yield { name: zip.name, note: leftOut(omitted) };
}

const sentence = (error, label) =>
  error instanceof InputError ? error.message : `${label} is damaged or cut short in the ZIP; make that again.`;

// Return how many files are left out, by their suffix, the most frequent first: hub/left_out.py.
function leftOut(names) {
  const counts = new Map();
  for (const name of names) {
    const suffix = /[^.]\.\w+$/.test(name) ? `\`${/\.\w+$/.exec(name)[0].toLowerCase()}\`` : "without a suffix";
    counts.set(suffix, (counts.get(suffix) ?? 0) + 1);
  }
  const kinds = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)), named = kinds.slice(0, 6);
  const rest = kinds.slice(6).reduce((sum, [, count]) => sum + count, 0);
  const parts = named.map(([suffix, count]) => `${count} ${suffix}`).concat(rest ? [`${rest} of other kinds`] : []);
  return `left out ${names.length} file${names.length === 1 ? "" : "s"}: ${parts.join(", ")}`;
}

async function readTable(zip) {
  const start = Math.max(0, zip.size - END), tail = await bytesOf(zip.slice(start));
  const at = latin1(tail).lastIndexOf("PK\x05\x06"), end = new DataView(tail.buffer, at);
  const [count, size, offset] = [end.getUint16(10, true), end.getUint32(12, true), end.getUint32(16, true)];
  if (end.getUint16(4, true) || size > 1000 * MAX_MEMBERS) throw tooMany(zip);
  const bytes = await bytesOf(zip.slice(offset, offset + size)), view = new DataView(bytes.buffer), entries = [];
  for (let place = 0; entries.length < count; ) {
    if (view.getUint32(place, true) !== 0x02014b50) throw new RangeError("no table of contents");
    const [nameLength, extra, comment] = [28, 30, 32].map((field) => view.getUint16(place + field, true));
    entries.push({
      name: new TextDecoder().decode(bytes.subarray(place + 46, place + 46 + nameLength)).replaceAll("\\", "/").replace(/\p{C}/gu, "\ufffd"),
      flags: view.getUint16(place + 8, true), method: view.getUint16(place + 10, true),
      packed: view.getUint32(place + 20, true), size: view.getUint32(place + 24, true), offset: view.getUint32(place + 42, true),
    });
    place += 46 + nameLength + extra + comment;
  }
  return entries;
}

const tooMany = (zip) => new InputError(`${zip.name} holds more than ${MAX_MEMBERS.toLocaleString("en")} files; split it.`);

function check(entries, zip) {
  if (entries.length > MAX_MEMBERS) throw tooMany(zip);
  const places = [...entries].sort((a, b) => a.offset - b.offset);
  if (places.some((entry, i) => i && places[i - 1].offset + 30 + places[i - 1].packed > entry.offset)) {
    throw new InputError(`${zip.name} has members that overlap; make the ZIP again.`);
  }
  if (entries.some(({ flags }) => flags & 1)) {
    throw new InputError(`${zip.name} is protected by a password; unpack it and give the files inside.`);
  }
  if (entries.reduce((sum, { size }) => sum + size, 0) > MAX_BYTES + MAX_RATIO * zip.size) {
    throw new InputError(`${zip.name} unpacks to far more than radiographs do; give the files inside.`);
  }
}

// Return a member as a File; null where it is no image, neither by its first bytes nor by its name.
async function unpack(zip, { name, method, packed, size, offset }, label) {
  if (method !== 0 && method !== 8) {
    throw new InputError(`${label} is packed in an unusual way; make the ZIP again, with Deflate.`);
  }
  const local = new DataView(await zip.slice(offset, offset + 30).arrayBuffer());
  const start = offset + 30 + local.getUint16(26, true) + local.getUint16(28, true);
  const stored = zip.slice(start, start + packed);
  const stream = method ? stored.stream().pipeThrough(new DecompressionStream("deflate-raw")) : stored.stream();
  const parts = [];
  let length = 0;
  for await (const part of partsOf(stream)) {
    if (!length && !SUFFIXES.test(name) && !imageFormat(part.subarray(0, HEAD))) return null;
    length += part.length;
    if (length > Math.min(size, MAX_BYTES)) throw size > MAX_BYTES ? tooLong(label) : new RangeError("longer than stated");
    parts.push(part);
  }
  if (length !== size) throw new RangeError("shorter than stated");
  return new File(parts, label);
}

const tooLong = (label) => new InputError(`${label} has more than ${MAX_BYTES / 1e6} MB; make it smaller and try again.`);
