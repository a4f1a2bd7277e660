// Never an answer beside another film's name. From the moment a film is chosen the old answer is dimmed and out
// of reach and the new name is shown; where no answer comes, the old one is gone and the page says so.
const TOO_SLOW = 120_000; // ms
const UNCHANGED = 3_000; // ms, after which a setting is taken to leave the card as it was
const OPENING = 10_000; // ms, after which the page is taken to be all there
// What outlives the page being loaded anew; nothing does where a browser blocks it, as in the frame of another site.
const store = () => {
  try {
    return sessionStorage;
  } catch {
    return {};
  }
};
const answer = () => document.querySelector("#answer");
const said = () => document.querySelector("#reading .reading");
let waiting = null; // for an answer to the latest film: { name, token, again, timer, send }
let asking = null; // the token of the film that the server is asked about, which may be an earlier one
let changing = null; // the card that another setting is to replace
let folds = {}; // which parts of the card are open, by name

const say = (sentence, again) => {
  const [text, button] = said().children;
  said().hidden = !sentence;
  text.textContent = sentence;
  button.hidden = !again;
  button.onclick = again;
};

const sayReading = () => say(said().dataset.reading.replace("{name}", () => waiting.name));

// Gradio shows errors of the server in toasts, which stay a while; an error that one of them shows already adds
// none. So they are closed once the page has said the same.
const toasts = () => [...document.querySelectorAll(".toast-body.error")].filter((toast) => !toast.dataset.seen);
const ignoreToasts = () =>
  toasts().forEach((toast) => {
    toast.dataset.seen = true; // it fades out
    toast.querySelector(".toast-close")?.click();
  });

const lose = (reason) => {
  ignoreToasts();
  if (waiting) clearTimeout(waiting.timer);
  const { name, again } = waiting ?? {};
  store().lost = name ?? "";
  waiting = asking = changing = null;
  answer().inert = true;
  document.body.dataset.film = "lost";
  say([name && said().dataset.lost.replace("{name}", () => name), reason].filter(Boolean).join(" "), again);
};

// What the page opens with comes once it is drawn, and would replace an answer that was there sooner.
const isOpened = () => "opened" in document.body.dataset;
const opened = () => {
  if (isOpened()) return;
  document.body.dataset.opened = "";
  if (waiting) sayReading();
  ask();
};
setTimeout(opened, OPENING);

// Ask about the latest film, one at a time: Gradio may mix up events that overtake each other.
const ask = () => {
  if (asking || changing || !waiting?.send || !isOpened()) return;
  asking = waiting.token;
  waiting.send();
};

// Gradio sends nothing while it knows of a lost connection, and says nothing; it loads the page anew when the
// server is there again.
const reach = (name) => {
  if (document.body.dataset.film !== "lost") return null;
  store().lost = name;
  return fetch(new URL("gradio_api/app_id", document.baseURI), { cache: "no-store" });
};

// A film is chosen: `prepare` uploads what there is to upload, `send` asks the server.
const choose = ({ name, prepare, send }) => {
  if (waiting) clearTimeout(waiting.timer);
  const token = crypto.getRandomValues(new Uint32Array(2)).join("-");
  const timer = setTimeout(() => lose(said().dataset.tooSlow), TOO_SLOW);
  waiting = { name, token, timer, again: () => choose({ name, prepare, send }) };
  folds = {};
  ignoreToasts();
  answer().inert = true;
  if (document.body.dataset.film !== "lost") document.body.dataset.film = "reading";
  sayReading();
  const isLatest = () => waiting?.token === token;
  Promise.all([prepare?.(), reach(name)]).then(
    ([given]) => {
      if (!isLatest()) return;
      waiting.send = () => send(token, given);
      ask();
    },
    () => isLatest() && lose(said().dataset.noConnection),
  );
};
document.addEventListener("film-chosen", (event) => {
  event.preventDefault(); // it is taken
  choose(event.detail);
});

// On a machine of one's own the server is there without any network.
addEventListener("offline", () => {
  if (waiting && !/^(localhost|127\.|\[::1\])/.test(location.hostname)) lose(said().dataset.noConnection);
});

const arrived = () => {
  clearTimeout(waiting.timer);
  waiting = null;
  delete store().lost;
  delete document.body.dataset.film;
  answer().inert = false;
  say("");
  const heading = document.querySelector("#card h2");
  const { top, bottom } = heading.getBoundingClientRect();
  if (top < 0 || bottom > innerHeight) heading.scrollIntoView({ block: "center" });
};

document.addEventListener("toggle", ({ target }) => {
  if (target.dataset?.fold) folds[target.dataset.fold] = target.open;
}, true);

document.addEventListener("input", ({ target }) => {
  if (!target.closest("#settings")) return;
  const card = (changing = document.querySelector("#card .card"));
  setTimeout(() => changing === card && changed(), UNCHANGED);
});
const changed = () => {
  changing = null;
  ask();
};

// Gradio draws the card anew for each answer and setting.
new MutationObserver(() => {
  if (!answer()) return;
  if (document.querySelector("#opened i")) opened();
  for (const fold of document.querySelectorAll("#answer [data-fold]:not([data-seen])")) {
    fold.dataset.seen = true;
    fold.open = Boolean(folds[fold.dataset.fold]);
  }
  if (changing && !changing.isConnected) changed();
  if (asking && document.querySelector("#card [data-token]")?.dataset.token === asking) {
    const isLatest = asking === waiting?.token;
    asking = null;
    if (isLatest) arrived();
    else ask();
  }
  if ((waiting || changing) && toasts().length) lose(said().dataset.noConnection);
}).observe(document.body, { childList: true, characterData: true, subtree: true });

// When the server is there again, Gradio loads the page anew, with its example: that is not the answer.
const { lost } = store();
delete store().lost;
if (lost) {
  const starting = setInterval(() => {
    if (!said()) return;
    clearInterval(starting);
    waiting = { name: lost };
    lose(said().dataset.noConnection);
    delete store().lost;
  }, 50);
}
