// The network in ONNX Runtime: pixels in, answer out. Runs in a worker.
import { squash } from "../imaging/squash.js";

const RUNTIME = new URL("../vendor/ort/", import.meta.url);
const importing = import(new URL("ort.wasm.min.mjs", RUNTIME).href);

// Load the network. `runtime` and `graph` are blobs of ONNX Runtime and of answer.onnx, gzipped.
export async function loadNetwork({ runtime, graph, threads, page }) {
  const ort = await importing;
  Object.assign(ort.env.wasm, {
    numThreads: threads,
    wasmBinary: await unpacked(runtime),
    wasmPaths: { mjs: new URL("ort-wasm-simd-threaded.mjs", RUNTIME).href },
  });
  ort.env.logLevel = "error";
  const model = new Uint8Array(await unpacked(graph));
  const options = { executionProviders: ["wasm"], graphOptimizationLevel: "disabled" }; // build.py has optimized it
  const session = await ort.InferenceSession.create(model, options);
  return { ort, session, page };
}

function unpacked(blob) {
  return new Response(blob.stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

// Return { log_odds, heatmap, verdict } of an image of `readImage`.
export async function answer({ ort, session, page }, image) {
  const { width, height, channels, data } = squash(image, page.model.size);
  const pixels = new ort.Tensor("uint8", data, [height, width, channels]);
  const wanted = ["log_odds", "heatmap", "reason"].filter((name) => session.outputNames.includes(name));
  const outputs = await session.run({ pixels }, wanted);
  const { heatmap } = outputs;
  return {
    log_odds: outputs.log_odds.data[0],
    heatmap: heatmap && { height: heatmap.dims[0], width: heatmap.dims[1], data: Float32Array.from(heatmap.data) },
    verdict: verdict(page.check, outputs.reason && Number(outputs.reason.data[0]), image.view),
  };
}

// Return the verdict of the input check; an oblique view by the header wins unless the image is refused.
function verdict({ reasons, oblique, unchecked }, index, view) {
  const found = reasons[index] ?? unchecked;
  return view === "oblique" && found.status !== "refused" ? oblique : found;
}
