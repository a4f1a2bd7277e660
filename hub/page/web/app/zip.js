// The members of a ZIP, unpacked one at a time and within limits: hub/inference/archive.py.
import { crc32 } from "../imaging/crc.js";
import { imageFormat, latin1 } from "../imaging/formats.js";
import { partsOf } from "../imaging/inflate.js";
import { join, viewOf } from "../imaging/metadata.js";
import { InputError } from "../imaging/unreadable.js";
import { thousands } from "./words.js";

const MAX_MEMBERS = 2000;
const MAX_BYTES = 100_000_000; // of one unpacked member
const MAX_NAME = 1000; // characters that are shown of a member's name
const MAX_RATIO = 100; // radiographs shrink 2 to 20 times in a ZIP, a bomb 1,000 times
const END = 22 + 65_536; // bytes at the end of a ZIP that hold its last record, and a comment behind it
const HEAD = 512; // bytes that are enough to tell images and archives
const SUFFIXES = /^\.(png|jpe?g|jpe|jfif|gif|webp|avif|hei[cf]|hif|tiff?|bmp|dib|jp2|j2k|jpf|jpx|p[bgpn]m|pfm|dcm|dicom)$/;
// Programs by the first bytes of what they pack; other files may be archives by these, too: a .docx is a ZIP.
const PACKERS = {
  tar: /^.{257}ustar/s, ZIP: /^PK(?:\x03\x04|\x05\x06|\x07\x08)/, gzip: /^\x1f\x8b/, "7-Zip": /^7z\xbc\xaf\x27\x1c/,
  RAR: /^Rar!\x1a\x07/, bzip2: /^BZh/, xz: /^\xfd7zXZ\0/, zstd: /^\x28\xb5\x2f\xfd/,
};
const ARCHIVE_SUFFIXES = /^(|\.(zip|tar|tgz|gz|7z|rar|bz2|xz|zst))$/;
const MAX_SUFFIXES = 6; // named in a sentence
const CP437 =
  "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0";

const bytesOf = async (blob) => new Uint8Array(await blob.arrayBuffer());
const packerByHead = (head) => Object.keys(PACKERS).find((name) => PACKERS[name].test(latin1(head)));

// Return which program packed a file, undefined if it is no archive or cannot be read, as a folder that was dropped. A
// program with a ZIP at its end is a ZIP that unpacks itself.
export async function packerOf(file) {
  const head = await bytesOf(file.slice(0, HEAD)).catch(() => null);
  if (!head) return undefined;
  const hasEnd = async () => latin1(await bytesOf(file.slice(Math.max(0, file.size - END)))).includes("PK\x05\x06");
  return packerByHead(head) ?? (!imageFormat(head) && (await hasEnd()) ? "ZIP" : undefined);
}

// Return the error for an archive that is not opened.
export function packed(label, packer) {
  const what = packer === "ZIP" ? "a ZIP inside a ZIP" : `packed by ${packer}`;
  return new InputError(`${label} is ${what}; unpack it and give the files inside.`);
}

// Yield { name, file } of each image in a ZIP, { name, error } of what cannot be unpacked, and { name, note } at the
// end of what is no image. `clutter` are the names, in lower case, of what systems and programs leave beside data.
export async function* unzip(zip, clutter) {
  try {
    yield* members(zip, clutter);
  } catch (error) {
    if (error instanceof InputError) yield { name: zip.name, error: error.message };
    else yield { name: zip.name, error: `${zip.name} is damaged or cut short, or a part of a split ZIP; export or download it again, whole.` };
  }
}

async function* members(zip, clutter) {
  const every = await readTable(zip), entries = every.filter(({ written }) => !isLeftBySystems(written, clutter));
  check(every, entries, zip);
  const omitted = [];
  let found = false;
  for (const entry of entries) {
    const label = entry.name.split("/").at(-1).slice(0, MAX_NAME), name = `${zip.name}/${entry.name.slice(0, MAX_NAME)}`;
    const file = await unpack(zip, entry, label).catch((error) => ({ error }));
    if (file === null) omitted.push(label);
    else found = true;
    if (file?.error) yield { name, error: sentence(file.error, label) };
    else if (file) yield { name, file };
  }
  const said = omitted.length ? leftOut(omitted) : "";
  if (!found) throw new InputError(`${zip.name} holds no pictures; put some into it${said && ` (${said})`}.`);
  if (said) yield { name: zip.name, note: said };
}

const sentence = (error, label) =>
  error instanceof InputError ? error.message : `${label} is damaged or cut short in the ZIP; make that again.`;

// Return whether a member is a folder, or clutter by any part of its name.
function isLeftBySystems(name, clutter) {
  const parts = name.replaceAll("\\", "/").split("/");
  const isClutter = (part) => (part.startsWith(".") && part !== "." && part !== "..") || clutter.includes(part.toLowerCase());
  return parts.at(-1) === "" || parts.some(isClutter);
}

// Return the suffix of a name, with its dot and in lower case; "" if it has none.
function suffixOf(name) {
  const dot = name.lastIndexOf(".");
  return dot > 0 && dot < name.length - 1 ? name.slice(dot).toLowerCase() : "";
}

// Return how many files are left out, by their suffix, the most frequent first: hub/left_out.py.
function leftOut(names) {
  const counts = new Map();
  for (const suffix of names.map(suffixOf)) counts.set(suffix, (counts.get(suffix) ?? 0) + 1);
  const kinds = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  const rest = kinds.slice(MAX_SUFFIXES).reduce((sum, [, count]) => sum + count, 0);
  const parts = kinds.slice(0, MAX_SUFFIXES).map(([suffix, count]) => `${thousands(count)} ${suffix ? `\`${suffix}\`` : "without a suffix"}`);
  if (rest) parts.push(`${thousands(rest)} of other kinds`);
  return `left out ${thousands(names.length)} file${names.length === 1 ? "" : "s"}: ${parts.join(", ")}`;
}

// Return { count, size, offset, shift } of the table of contents, of ZIP64 too (APPNOTE 4.3.14 to 4.3.16): `shift` is how
// many bytes stand before the ZIP.
async function readEnd(zip) {
  const start = Math.max(0, zip.size - END), tail = await bytesOf(zip.slice(start));
  const at = latin1(tail).lastIndexOf("PK\x05\x06"), end = new DataView(tail.buffer, at), part = end.getUint16(4, true);
  let [count, size, offset] = [end.getUint16(10, true), end.getUint32(12, true), end.getUint32(16, true)], place = start + at;
  const locator = viewOf(await bytesOf(zip.slice(Math.max(0, place - 20), place)));
  if (locator.byteLength === 20 && locator.getUint32(0, true) === 0x07064b50) {
    place -= 20 + 56;
    const record = viewOf(await bytesOf(zip.slice(place, place + 56)));
    if (record.getUint32(0, true) !== 0x06064b50) throw new RangeError("no record of ZIP64");
    [count, size, offset] = [32, 40, 48].map((field) => Number(record.getBigUint64(field, true)));
  }
  if (size > 1000 * MAX_MEMBERS) throw tooMany(zip);
  if (part !== 0 && part !== 0xffff) {
    throw new InputError(`${zip.name} is the last part of a split ZIP; unpack it and give the files inside.`);
  }
  return { count, size, offset, shift: place - size - offset };
}

async function readTable(zip) {
  const { count, size, offset, shift } = await readEnd(zip);
  if (shift < 0) throw new RangeError("it begins before the file");
  const bytes = await bytesOf(zip.slice(offset + shift, offset + shift + size)), view = viewOf(bytes), entries = [];
  for (let place = 0; entries.length < count; ) {
    if (view.getUint32(place, true) !== 0x02014b50) throw new RangeError("no table of contents");
    const [name, extra, comment] = [28, 30, 32].map((field) => view.getUint16(place + field, true)), start = place + 46;
    const entry = {
      flags: view.getUint16(place + 8, true), method: view.getUint16(place + 10, true), checksum: view.getUint32(place + 16, true),
      packed: view.getUint32(place + 20, true), size: view.getUint32(place + 24, true), offset: view.getUint32(place + 42, true),
    };
    readSizes(entry, bytes.subarray(start + name, start + name + extra));
    const written = decodeName(bytes.subarray(start, start + name));
    // U+FFFD for what is not printable: control characters, line breaks and marks of text direction.
    entries.push({ ...entry, offset: entry.offset + shift, written, name: written.replace(/(?! )[\p{C}\p{Z}]/gu, "\ufffd") });
    place = start + name + extra + comment;
  }
  return entries;
}

// Set the sizes and the place of a member that do not fit in 32 bits, from the extra fields of its entry (APPNOTE 4.5.3).
function readSizes(entry, extra) {
  const view = viewOf(extra);
  for (let place = 0; place + 4 <= extra.length; place += 4 + view.getUint16(place + 2, true)) {
    if (view.getUint16(place, true) !== 1) continue;
    let at = place + 4;
    for (const field of ["size", "packed", "offset"]) {
      if (entry[field] !== 0xffffffff) continue;
      entry[field] = Number(view.getBigUint64(at, true));
      at += 8;
    }
  }
}

// Return the name as its author wrote it: many a program writes UTF-8 without saying so.
function decodeName(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return Array.from(bytes, (byte) => (byte < 128 ? String.fromCharCode(byte) : CP437[byte - 128])).join("");
  }
}

const tooMany = (zip) => new InputError(`${zip.name} holds more than ${thousands(MAX_MEMBERS)} files; split it.`);

function check(every, entries, zip) {
  if (entries.length > MAX_MEMBERS) throw tooMany(zip);
  const places = [...every].sort((a, b) => a.offset - b.offset || a.packed - b.packed);
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

// Return whether a member is an image, by its first bytes or its name. Throws for an archive.
function isWanted(label, head) {
  const suffix = suffixOf(label), packer = packerByHead(head);
  if (packer && (SUFFIXES.test(suffix) || ARCHIVE_SUFFIXES.test(suffix))) throw packed(label, packer);
  return imageFormat(head) !== null || SUFFIXES.test(suffix);
}

// Return a member as a File; null where it is no image.
async function unpack(zip, { method, packed: length, size, offset, checksum }, label) {
  if (method !== 0 && method !== 8) {
    throw new InputError(`${label} is packed in an unusual way; make the ZIP again, with Deflate.`);
  }
  const local = viewOf(await bytesOf(zip.slice(offset, offset + 30)));
  const start = offset + 30 + local.getUint16(26, true) + local.getUint16(28, true), stored = zip.slice(start, start + length);
  const stream = method ? stored.stream().pipeThrough(new DecompressionStream("deflate-raw")) : stored.stream();
  const parts = [];
  let came = 0, sum = 0, isKnown = false;
  const isOther = () => !isKnown && !(isKnown = isWanted(label, join(parts).subarray(0, HEAD)));
  for await (const part of partsOf(stream)) {
    parts.push(part);
    came += part.length;
    if (came >= HEAD && isOther()) return null;
    if (size > MAX_BYTES) throw tooLong(label);
    if (came > size) throw new RangeError("longer than stated");
    sum = crc32(part, sum);
  }
  if (isOther()) return null;
  if (came !== size || sum !== checksum) throw new RangeError("not what is stated");
  return new File(parts, label);
}

const tooLong = (label) => new InputError(`${label} has more than ${MAX_BYTES / 1e6} MB; make it smaller and try again.`);
