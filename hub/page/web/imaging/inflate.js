// Packed bytes, unpacked by the browser within a limit (RFC 1950 and 1951).

// Yield the parts of a stream, as `for await` over the stream itself does, which Safari does not know.
export async function* partsOf(stream) {
  const reader = stream.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    reader.cancel().catch(() => {});
  }
}

// Return { bytes, isMore }: the first `size` bytes that a blob unpacks to, fewer where it ends before, and whether more
// would follow them. Throws TypeError for damaged bytes.
export async function inflate(packed, format, size) {
  const bytes = new Uint8Array(size);
  let length = 0, isMore = false;
  for await (const part of partsOf(packed.stream().pipeThrough(new DecompressionStream(format)))) {
    const fitting = part.subarray(0, size - length);
    bytes.set(fitting, length);
    length += fitting.length;
    isMore = fitting.length < part.length;
    if (isMore) break;
  }
  return { bytes: length < size ? bytes.slice(0, length) : bytes, isMore };
}
