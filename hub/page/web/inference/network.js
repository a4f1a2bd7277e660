// The network in ONNX Runtime: pixels in, answer out. Runs in a worker.
import { squash } from "../imaging/squash.js";

const GLUE = new URL("../inference/runtime.js", import.meta.url).href;
const importing = Promise.all([import("../vendor/ort/ort.wasm.min.mjs"), import(GLUE)]);

// Load the network. `runtime` and `graph` are what `load.loadFiles` returns.
export async function loadNetwork({ runtime, graph, threads, page }) {
  const [ort, { startFrom }] = await importing;
  startFrom(runtime);
  Object.assign(ort.env.wasm, { numThreads: threads, wasmPaths: { mjs: GLUE } });
  ort.env.logLevel = "error";
  const options = { executionProviders: ["wasm"], graphOptimizationLevel: "disabled" }; // build.py has optimized it
  const session = await ort.InferenceSession.create(new Uint8Array(graph), options);
  return { ort, session, page };
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
