// What a worker does: it reads files and answers them. A classic worker, as codecs are classic scripts; the modules
// are imported from the address that its starter gives.
let tools;

async function load(base, options) {
  const [read, image, network, picture] = await Promise.all(
    ["imaging/read.js", "imaging/image.js", "inference/network.js", "inference/picture.js"].map((file) => import(new URL(file, base).href)),
  );
  const loaded = await network.loadNetwork(options);
  tools = { ...read, ...image, ...network, ...picture, loaded, page: options.page };
}

// Answer one file. `turns` is how often it is turned clockwise, `inverted` whether it is inverted, before it is read
// again; with `screen` the picture and its heatmap come too, with `thumbnail` a small picture.
async function classify({ bytes, name, screen, thumbnail, inverted, turns }) {
  const started = performance.now(), { page, loaded } = tools;
  const { size, radiograph = true } = page.model, least = 3 * size; // see OVERSAMPLING in hub/inference/classifier.py
  const side = screen ? Math.max(least, page.heatmap.screen_side) : least;
  let image = await tools.readImage(new Uint8Array(bytes), name, { side, radiograph });
  if (inverted || turns) image = tools.corrected(image, inverted, turns, radiograph);
  const answer = await tools.answer(loaded, image);
  const shown = screen ? await tools.picture(image, page.heatmap.screen_side, radiograph) : null;
  const heat = screen && answer.heatmap && answer.verdict.status !== "refused" ? await tools.heat(answer.heatmap, shown, page.heatmap) : null;
  const small = thumbnail ? await tools.picture(image, thumbnail, radiograph) : null;
  return { ...answer, picture: shown, heat, thumbnail: small?.blob ?? null, milliseconds: performance.now() - started };
}

onmessage = async ({ data: { id, base, load: options, ask } }) => {
  try {
    if (options) await load(base, options);
    postMessage({ id, answer: ask ? await classify(ask) : null });
  } catch (error) {
    const isInput = error?.name === "InputError";
    postMessage({ id, sentence: isInput ? error.message : null, error: isInput ? null : String(error?.stack ?? error) });
  }
};
