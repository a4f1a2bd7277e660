// Fetch the model and its runtime, and say how far it is.

const BETWEEN = 100; // ms between two words on how far it is: each is a layout of the page

// Return { page, runtime, graph }: page.json, and blobs of ONNX Runtime and of answer.onnx, gzipped as they are stored:
// workers read and unpack them, so that the page does not stall. `progress` is called with the share that has come, 0 to 1.
export async function loadFiles(base, progress = () => {}) {
  const runtimeName = "vendor/ort/ort-wasm-simd-threaded.wasm.gz";
  const sizes = json(base, "files.json");
  const page = json(base, "page.json");
  const came = new Map();
  let told = 0;
  const tell = async (name, bytes) => {
    came.set(name, bytes);
    if (performance.now() - told < BETWEEN) return;
    told = performance.now();
    const { files } = await sizes, total = [...came.keys()].reduce((sum, each) => sum + (files[each]?.bytes ?? 0), 0);
    progress(Math.min(1, [...came.values()].reduce((sum, each) => sum + each, 0) / Math.max(total, 1)));
  };
  const graph = page.then(({ graph: { file } }) => packed(base, file, tell));
  const [runtime, words] = await Promise.all([packed(base, runtimeName, tell), page, sizes]);
  const files = { page: words, runtime, graph: await graph };
  progress(1);
  return files;
}

async function json(base, name) {
  return (await fetched(base, name)).json();
}

async function fetched(base, name) {
  const response = await fetch(new URL(name, base));
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  return response;
}

async function packed(base, name, tell) {
  const { body } = await fetched(base, name);
  let bytes = 0;
  const counting = new TransformStream({
    transform(chunk, controller) {
      tell(name, (bytes += chunk.length));
      controller.enqueue(chunk);
    },
  });
  return new Response(body.pipeThrough(counting)).blob();
}
