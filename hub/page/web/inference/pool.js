// Workers that answer files, and what happens when one dies.
import { InputError, tooMuchMemory, UnreadableError } from "../imaging/unreadable.js";

const TOO_SLOW = 180_000; // ms for one file, on a machine that has much else to do
const STARTING = 600_000; // ms for the network
const BASE = new URL("../", import.meta.url);

// Return what answers one file at a time, in a worker of its own. It makes a new worker where one died or took too long.
// `page` is page.json or a promise of it: a worker starts while it comes. `files` are what `load.loadFiles` returns; where
// there are none, the first worker fetches them from `address` and calls `progress` with the share that has come.
export function makeAsker({ page, threads, files = null, address = BASE, progress = () => {} }) {
  let worker = null, last = Promise.resolve();
  const start = async () => {
    const starting = spawn();
    starting.addEventListener("message", ({ data }) => data.share && progress(data.share));
    try {
      starting.postMessage({ base: BASE.href, address: files ? null : String(address) });
      const { error, answer } = await send(starting, { load: { page: await page, threads, files } }, STARTING);
      if (error) throw new Error(error);
      files ??= answer;
    } catch (error) {
      starting.terminate();
      throw error;
    }
    worker = starting;
  };
  const run = async (ask) => {
    if (!worker) await start();
    const { answer, sentence, error } = await send(worker, { ask }, TOO_SLOW).catch((reason) => {
      stop();
      throw new InputError(`${ask.name} ${reason.message}`);
    });
    if (sentence) throw new InputError(sentence);
    if (error) stop(); // after a lack of memory, for one, the network answers no more
    if (error) throw new Error(error);
    return answer;
  };
  const stop = () => {
    worker?.terminate();
    worker = null;
  };
  const ask = (question) => (last = last.then(() => run(question), () => run(question)));
  return { ask, start: () => (last = start()), stop, files: () => files };
}

// A worker from a blob obeys the page's own security policy; one from an address obeys what its host sends.
function spawn() {
  const script = `importScripts(${JSON.stringify(new URL("inference/worker.js", BASE).href)});`;
  const address = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  const worker = new Worker(address);
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
  return worker;
}

// Send one message and return the answer. Rejects where none comes: the worker has died, or is too slow.
function send(worker, message, limit) {
  return new Promise((resolve, reject) => {
    const id = crypto.getRandomValues(new Uint32Array(1))[0];
    const timer = setTimeout(() => end(reject, tooSlow()), limit);
    const end = (settle, value) => {
      clearTimeout(timer);
      worker.removeEventListener("message", hear);
      worker.removeEventListener("error", fail);
      settle(value);
    };
    const hear = ({ data }) => data.id === id && end(resolve, data);
    const fail = () => end(reject, tooMuchMemory());
    worker.addEventListener("message", hear);
    worker.addEventListener("error", fail);
    worker.postMessage({ ...message, id }, message.ask ? [message.ask.bytes] : []);
  });
}

const tooSlow = () => new UnreadableError("takes too long to decode; save it as PNG or JPEG and try again.");
