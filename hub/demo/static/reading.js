// Never an answer beside another film's name. From the moment a film is chosen the old answer is dimmed and out
// of reach and the new name is shown; where no answer comes, the old one is gone and the page says so.
const TOO_SLOW = 120_000; // ms
const answer = () => document.querySelector("#answer");
const said = () => document.querySelector("#reading .reading");
let waiting = null; // for an answer to a film: { name, token, again, timer }
let changing = null; // the card that another setting is to replace
let folds = {}; // which parts of the card are open, by name

const say = (sentence, again) => {
  const [text, button] = said().children;
  said().hidden = !sentence;
  text.textContent = sentence;
  button.hidden = !again;
  button.onclick = again;
};

// Gradio shows errors of the server in toasts, which stay a while and may be used again for the next error.
const toasts = () =>
  [...document.querySelectorAll(".toast-body.error")].filter((toast) => toast.dataset.seen !== toast.textContent);
const ignoreToasts = () => toasts().forEach((toast) => (toast.dataset.seen = toast.textContent));

const lose = (reason) => {
  ignoreToasts();
  if (waiting) clearTimeout(waiting.timer);
  const { name, again } = waiting ?? {};
  sessionStorage.lost = name ?? "";
  waiting = changing = null;
  answer().inert = true;
  document.body.dataset.film = "lost";
  say([name && said().dataset.lost.replace("{name}", () => name), reason].filter(Boolean).join(" "), again);
};

document.addEventListener("film-reading", ({ detail }) => {
  if (waiting) clearTimeout(waiting.timer);
  const timer = setTimeout(() => lose(said().dataset.tooSlow), TOO_SLOW);
  waiting = { ...detail, timer };
  changing = null;
  folds = {};
  ignoreToasts();
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
  delete sessionStorage.lost;
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
  if (target.closest("#settings")) changing = document.querySelector("#card .card");
});

// Gradio draws the card anew for each answer and setting.
new MutationObserver(() => {
  if (!answer()) return;
  for (const fold of document.querySelectorAll("#answer [data-fold]")) {
    if (fold.dataset.seen) continue;
    fold.dataset.seen = true;
    fold.open = Boolean(folds[fold.dataset.fold]);
  }
  if (waiting && document.querySelector("#card [data-token]")?.dataset.token === waiting.token) arrived();
  if (changing && !changing.isConnected) changing = null;
  if ((waiting || changing) && toasts().length) lose(said().dataset.noConnection);
}).observe(document.body, { childList: true, characterData: true, subtree: true });

// When the server is there again, Gradio loads the page anew, with its example: that is not the answer.
const { lost } = sessionStorage;
delete sessionStorage.lost;
if (lost) {
  const starting = setInterval(() => {
    if (!said()) return;
    clearInterval(starting);
    waiting = { name: lost };
    lose(said().dataset.noConnection);
    delete sessionStorage.lost;
  }, 50);
}
