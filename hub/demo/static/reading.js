// Never an answer beside another film's name. From the moment a film is chosen the old answer is dimmed and out
// of reach and the new name is shown; where no answer comes, the old one is gone and the page says so.
const TOO_SLOW = 120_000; // ms
const answer = () => document.querySelector("#answer");
const said = () => document.querySelector("#reading .reading");
let waiting = null; // { name, token, again, timer }
let folds = {}; // which parts of the card are open, by name

const say = (sentence, again) => {
  const [text, button] = said().children;
  said().hidden = !sentence;
  text.textContent = sentence;
  button.hidden = !again;
  button.onclick = again;
};

const lose = (reason) => {
  if (waiting) clearTimeout(waiting.timer);
  const { name, again } = waiting ?? {};
  waiting = null;
  answer().inert = true;
  document.body.dataset.film = "lost";
  say([name && said().dataset.lost.replace("{name}", () => name), reason].filter(Boolean).join(" "), again);
};

document.addEventListener("film-reading", ({ detail }) => {
  if (waiting) clearTimeout(waiting.timer);
  const timer = setTimeout(() => lose(said().dataset.tooSlow), TOO_SLOW);
  waiting = { ...detail, timer };
  folds = {};
  answer().inert = true;
  if (document.body.dataset.film !== "lost") document.body.dataset.film = "reading";
  say(said().dataset.reading.replace("{name}", () => detail.name));
});

document.addEventListener("film-lost", ({ detail }) => {
  if (waiting?.token === detail.token) lose(said().dataset.noConnection);
});
// On a machine of one's own the server is there without any network.
addEventListener("offline", () => {
  if (waiting && !/^(localhost|127\.|\[::1\])/.test(location.hostname)) lose(said().dataset.noConnection);
});

const arrived = () => {
  clearTimeout(waiting.timer);
  waiting = null;
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

// Gradio draws the card anew for each answer and setting, and shows an error of the server in a toast.
new MutationObserver(() => {
  if (!answer()) return;
  for (const fold of document.querySelectorAll("#answer [data-fold]")) {
    if (fold.dataset.seen) continue;
    fold.dataset.seen = true;
    fold.open = Boolean(folds[fold.dataset.fold]);
  }
  if (waiting && document.querySelector("#card [data-token]")?.dataset.token === waiting.token) arrived();
  const isOpen = answer().offsetParent;
  if (isOpen && document.querySelector(".toast-body.error") && document.body.dataset.film !== "lost") {
    lose(said().dataset.noConnection);
  }
}).observe(document.body, { childList: true, subtree: true });
