// Classify chest radiographs in the browser. Everything stays on the device: files are read and answered in a worker.
//
//   import { Classifier } from "./classifier.js";
//   const classifier = await Classifier.load();
//   const { label, probability, verdict, heatmap } = await classifier.classify(file);
import { InputError, LARGEST } from "./imaging/unreadable.js";
import { report } from "./inference/decision.js";
import { fetched } from "./inference/load.js";
import { makeAsker } from "./inference/pool.js";

export { InputError };

// A model that is loaded. `page` is page.json: words and figures of the model.
export class Classifier {
  #asker;

  constructor(page, asker) {
    this.page = page;
    this.#asker = asker;
  }

  // Load the model from a folder, that of this module by default. `progress` is called with shares from 0 to 1;
  // `threads` are those of the network, more than one only where the page is cross-origin isolated; `page` is a promise
  // of page.json, for who needs that before the model is there.
  static async load(address = new URL(".", import.meta.url), { progress, threads = usableThreads(), page = readPage(address) } = {}) {
    const asker = makeAsker({ page, threads, address, progress });
    await asker.start();
    return new Classifier(await page, asker);
  }

  // Return the answer to a File, Blob, ArrayBuffer or Uint8Array as plain JSON (docs/api.md), with `log_odds` and
  // `heatmap`. Throws InputError, one sentence, for what is no radiograph that can be read.
  async classify(file, { name = file.name ?? "The image", operatingPoint = null, prevalence = null } = {}) {
    const answer = await this.answer(file, { name });
    const { log_odds, heatmap, milliseconds } = answer;
    return { ...this.report(answer, operatingPoint, prevalence), log_odds, heatmap, milliseconds };
  }

  // Return what the network answers to a file, before an operating point and a prevalence are chosen. `options` are
  // those of inference/worker.js.
  async answer(file, { name = file.name ?? "The image", ...options } = {}) {
    return this.#asker.ask({ bytes: await bytesOf(file, name), name, ...options });
  }

  // Return the image of a file as the network reads it, { width, height, channels: 1 or 3, data, view }: upright, in 8
  // bits, without plain borders.
  async read(file, { name = file.name ?? "The image" } = {}) {
    return this.#asker.ask({ bytes: await bytesOf(file, name), name, only: true });
  }

  // Return the report of an answer at an operating point and a prevalence.
  report(answer, operatingPoint = null, prevalence = null) {
    return report(this.page, answer, operatingPoint, prevalence);
  }

  // Return another classifier of the same model with a worker of its own, for batches; null where none starts, for a
  // lack of memory, or of the network where the page is not kept.
  async copy() {
    const asker = makeAsker({ page: this.page, threads: 1, files: this.#asker.files() });
    return asker.start().then(() => new Classifier(this.page, asker), () => null);
  }

  // Stop the worker; the next question starts another.
  stop() {
    this.#asker.stop();
  }
}

// Return page.json of a folder: words and figures of its model.
export const readPage = async (address) => (await fetched(address, "page.json")).json();

const usableThreads = () => (globalThis.crossOriginIsolated ? Math.min(4, navigator.hardwareConcurrency || 1) : 1);

// Return the bytes of a file, an ArrayBuffer that nobody else has. A folder that is dropped is a File, too, until it is read.
async function bytesOf(file, name) {
  if ((file.size ?? file.byteLength) > LARGEST) throw new InputError(`${name} has more than ${LARGEST / 1e6} MB; make it smaller.`);
  const isGone = () => { throw new InputError(`${name} cannot be opened; give files rather than folders, or this one once more.`); };
  if (file instanceof Blob) return file.arrayBuffer().catch(isGone);
  if (file instanceof ArrayBuffer) return file.slice();
  if (ArrayBuffer.isView(file)) return new Uint8Array(file.buffer, file.byteOffset, file.byteLength).slice().buffer;
  throw new TypeError("An image is a File, Blob, ArrayBuffer or Uint8Array.");
}
