// Fetch ONNX Runtime and the model, in the worker that needs them, and say how far they are.

import { partsOf } from "../imaging/inflate.js";

const GZIP = [0x1f, 0x8b]; // what it starts with
const BETWEEN = 100; // ms between two words on how far it is: each is a layout of the page
const RUNTIME = "vendor/ort/ort-wasm-simd-threaded.wasm.gz";

// Return { runtime, graph }: ONNX Runtime, compiled while it comes, and the bytes of answer.onnx. `name` is a promise of
// the graph's file; `progress` is called with the share that has come, 0 to 1.
export async function loadFiles(base, name, progress) {
  const tell = teller(fetched(base, "files.json").then((response) => response.json()), progress);
  const wasm = { headers: { "Content-Type": "application/wasm" } };
  const compiling = unpacked(base, RUNTIME, tell).then((stream) => WebAssembly.compileStreaming(new Response(stream, wasm)));
  const reading = name.then((file) => unpacked(base, file, tell)).then((stream) => new Response(stream).arrayBuffer());
  const [runtime, graph] = await Promise.all([compiling, reading]);
  progress(1);
  return { runtime, graph };
}

// Return a function that is told how many bytes of a file have come.
function teller(listing, progress) {
  const came = new Map();
  let told = 0;
  return async (name, bytes) => {
    came.set(name, bytes);
    if (performance.now() - told < BETWEEN) return;
    told = performance.now();
    const { files } = await listing, total = [...came.keys()].reduce((sum, each) => sum + (files[each]?.bytes ?? 0), 0);
    progress(Math.min(1, [...came.values()].reduce((sum, each) => sum + each, 0) / Math.max(total, 1)));
  };
}

// Return the answer of the page's host to a request for one of its files.
export async function fetched(base, name) {
  const response = await fetch(new URL(name, base));
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  return response;
}

// Return a stream of a gzipped file's contents. Some hosts unpack it, or let the browser do so, by their own headers.
async function unpacked(base, name, tell) {
  const { body } = await fetched(base, name);
  let bytes = 0;
  const counting = new TransformStream({
    transform(chunk, controller) {
      tell(name, (bytes += chunk.length));
      controller.enqueue(chunk);
    },
  });
  const [head, whole] = body.pipeThrough(counting).tee(), isPacked = await startsWith(head, GZIP);
  return isPacked ? whole.pipeThrough(new DecompressionStream("gzip")) : whole;
}

// Return whether a stream starts with these bytes. It is cancelled.
async function startsWith(stream, start) {
  const came = [];
  for await (const part of partsOf(stream)) {
    came.push(...part.subarray(0, start.length));
    if (came.length >= start.length) break;
  }
  return start.every((byte, i) => came[i] === byte);
}
