// What a worker does: it reads files and answers them. A classic worker, as codecs are classic scripts; the modules
// are imported from the address that its starter gives.
const OVERSAMPLING = 3; // pixels that are kept per pixel of the input, on each side: hub/inference/classifier.py
const MODULES = "inference/modules.js";
let modules, fetching, tools, nameGraph;
const graphName = new Promise((resolve) => { nameGraph = resolve; });

// Import the modules and, with an `address`, fetch runtime and graph from there, the graph once its name is known.
function begin(base, address) {
  modules = import(new URL(MODULES, base).href);
  if (address) fetching = modules.then(({ loadFiles }) => loadFiles(address, graphName, (share) => postMessage({ share })));
  for (const each of [modules, fetching]) each?.catch(() => {}); // `load` says what went wrong
}

// Load the network of `files`, or of those that were fetched; these are returned, for other workers.
async function load({ files, page, threads }) {
  nameGraph(page.graph.file);
  const imported = await modules, usable = files ?? (await fetching);
  const [network] = await Promise.all([imported.loadNetwork({ ...usable, page, threads }), imported.importReaders()]);
  tools = { ...imported, loaded: network, page };
  return files ? null : usable;
}

// Answer one file. `turns` is how often it is turned clockwise, `inverted` whether it is inverted, before it is read
// again. With `screen`, pixels on the longer side, a picture comes too, with `layered` also its heatmap, that of
// `heat`, and with `thumbnail` a smaller one. With `only` the image itself is the answer.
async function classify({ bytes, name, screen, layered, thumbnail, inverted, turns, only }) {
  const started = performance.now(), { page, loaded } = tools;
  const { size, radiograph = true } = page.model;
  const side = Math.max(OVERSAMPLING * size, screen ?? 0);
  let image = await tools.readImage(new Uint8Array(bytes), name, { side, radiograph });
  if (inverted || turns) image = tools.corrected(image, inverted, turns, radiograph);
  if (only) return image;
  const answer = await tools.answer(loaded, image);
  const milliseconds = performance.now() - started;
  const picture = screen ? await tools.picture(image, screen, radiograph) : null;
  const layer = layered ? await tools.heat(answer, picture, page.heatmap) : undefined;
  const small = thumbnail ? await tools.picture(image, thumbnail, radiograph) : null;
  return { ...answer, picture, layer, thumbnail: small, milliseconds };
}

onmessage = async ({ data: { id, base, address, load: options, ask } }) => {
  try {
    if (base) return begin(base, address);
    postMessage({ id, answer: options ? await load(options) : await classify(ask) });
  } catch (error) {
    const isInput = error?.name === "InputError";
    const told = `${error}\n${error?.stack ?? ""}`; // in Firefox the stack does not say what went wrong, and may be empty
    postMessage({ id, sentence: isInput ? error.message : null, error: isInput ? null : told });
  }
};
