// Keep the page for when there is no network. A new build has another version, and is fetched whole before it takes
// the place of the old one. Codecs are kept when a file first needs them, or all of them once the page is installed.
const VERSION = "__VERSION__";
const OURS = `page ${self.registration.scope} `; // another page of this host keeps its own
const CACHE = OURS + VERSION;
const LATER = "vendor/codecs/";

const listed = async () => {
  const { files } = await (await fetch("files.json", { cache: "no-cache" })).json();
  return Object.keys(files);
};
const keep = async (names) => (await caches.open(CACHE)).addAll(names.map((name) => new Request(name, { cache: "no-cache" })));

self.addEventListener("install", (event) => {
  const core = async () => keep(["./", "files.json", ...(await listed()).filter((name) => !name.startsWith(LATER))]);
  event.waitUntil(core().then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const clean = async () => {
    for (const name of await caches.keys()) if (name.startsWith(OURS) && name !== CACHE) await caches.delete(name);
    self.clients.claim(); // in Firefox this never ends while a page has threads: whoever awaits it holds back all fetches
  };
  event.waitUntil(clean());
});

self.addEventListener("message", (event) => {
  if (event.data === "keep codecs") event.waitUntil(listed().then((names) => keep(names.filter((name) => name.startsWith(LATER)))));
});

self.addEventListener("fetch", (event) => {
  const { request } = event, address = new URL(request.url);
  if (request.method !== "GET" || !address.href.startsWith(self.registration.scope)) return;
  event.respondWith(answer(request));
});

// Return what is kept, else fetch and keep it. Where nothing can be kept, as on a full disk, the page works all the same.
async function answer(request) {
  const cache = await caches.open(CACHE).catch(() => null), isPage = request.mode === "navigate";
  const kept = await cache?.match(isPage ? "./" : request, { ignoreSearch: isPage }).catch(() => null);
  if (kept) return kept.redirected ? new Response(kept.body, kept) : kept; // no page may come by way of another address
  const response = await fetch(request);
  if (response.ok && new URL(request.url).pathname.includes(LATER)) await cache?.put(request, response.clone()).catch(() => {});
  return response;
}
