// Why an image cannot be read, and how large it may be: the sentences of hub/imaging/unreadable.py.
export const MAX_PIXELS = 64_000_000;
export const MAX_SIDE = 65_535; // pixels; JPEG and DICOM know no longer ones
export const MAX_MEMORY = 350_000_000; // bytes at once, from the pixels as they are stored to 8 bits
export const MAX_PARTS = 200_000; // chunks, segments or tags of a file; an image of 64 megapixels may have 30,000
export const MIN_RADIOGRAPH_SIDE = 32;
export const MAX_RADIOGRAPH_RATIO = 20; // of the longer side to the shorter
export const LARGEST = 500_000_000; // bytes of a file

// An input that cannot be used. The message is one sentence for the user: what is wrong and what to do.
export class InputError extends Error {
  name = "InputError";

  // A sentence is one line, whatever the names in it hold.
  constructor(sentence) {
    super(sentence.replace(/[\p{Cc}\u2028\u2029]/gu, " "));
  }
}

// Why an image cannot be read: the rest of a sentence that begins with its name.
export class UnreadableError extends Error {
  name = "UnreadableError";
}

export const damaged = () => new UnreadableError("is damaged or cut short; export or download it again.");

// Return the error for a format that is read, but not this kind of it.
export const unusual = (format) => new UnreadableError(`is a ${format} of an unusual kind; save it as PNG.`);

export const otherColours = () =>
  new UnreadableError("has colours that are neither grey nor RGB; save it as grey or RGB.");

export const tooMuchMemory = () =>
  new UnreadableError("takes too much memory to decode; make it smaller, or save it with 8 bits.");

// Nothing is wrong with the file then, and the worker answers others.
export const withoutCodec = () =>
  new UnreadableError("needs a part of this page that could not be loaded; check your connection and give it again.");

export const hidden = () =>
  new UnreadableError("cannot be read, as this browser gives pages noise for pixels; let this page read canvases, or use another one.");

// Yield the parts of a file; throw after MAX_PARTS. A file may consist of millions of empty ones.
export function* few(parts) {
  let count = 0;
  for (const part of parts) {
    if (++count > MAX_PARTS) throw damaged();
    yield part;
  }
}

// Throw for no pixels, or for too many of them.
export function checkSize(width, height, bytesPerPixel = 1) {
  if (!(width >= 1 && height >= 1)) throw damaged();
  if (width * height > MAX_PIXELS) {
    throw new UnreadableError(`has more than ${MAX_PIXELS / 1e6} megapixels; make it smaller and try again.`);
  }
  if (Math.max(width, height) > MAX_SIDE) {
    const most = MAX_SIDE.toLocaleString("en");
    throw new UnreadableError(`is ${width} x ${height} pixels; give at most ${most} on each side.`);
  }
  if (!(width * height * bytesPerPixel <= MAX_MEMORY)) throw tooMuchMemory();
}

// Throw for an image that is too small or too long to be a radiograph.
export function checkRadiograph(width, height) {
  if (Math.min(width, height) < MIN_RADIOGRAPH_SIDE) {
    throw new UnreadableError(
      `is only ${width} x ${height} pixels; a radiograph needs at least ${MIN_RADIOGRAPH_SIDE} on each side.`,
    );
  }
  if (Math.max(width, height) > MAX_RADIOGRAPH_RATIO * Math.min(width, height)) {
    throw new UnreadableError(`is ${width} x ${height} pixels; no radiograph is so long, so cut it out.`);
  }
}
