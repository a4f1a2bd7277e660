// js_on_load of the drop zone and the samples. What is chosen is an event for the server, and before that one
// for the page, which says at once what is being read.
let latest = 0;

// Run `ask`, which sends the question with its token; the page may run it again.
const question = (name, ask) => {
  const run = async () => {
    const token = `${Date.now()}-${latest += 1}`;
    const mine = latest;
    document.dispatchEvent(new CustomEvent("film-reading", { detail: { name, token, again: run } }));
    try {
      await ask(token, () => mine === latest);
    } catch (error) {
      document.dispatchEvent(new CustomEvent("film-lost", { detail: { token } }));
    }
  };
  run();
};

const give = (file) =>
  question(file.name, async (token, isLatest) => {
    const { path } = await upload(file);
    if (isLatest()) trigger("give", { file: path, token });
  });

element.addEventListener("change", (event) => {
  if (event.target.type !== "file") return;
  const files = [...event.target.files];
  event.target.value = "";
  const isBatch = files.length > 1 || /\.zip$/i.test(files[0]?.name);
  if (isBatch) document.dispatchEvent(new CustomEvent("batch-given", { detail: files }));
  else if (files.length) give(files[0]);
});

const zone = () => element.querySelector(".zone");
const video = () => zone().querySelector("video");

const stop = () => {
  for (const track of video().srcObject?.getTracks() ?? []) track.stop();
  video().srcObject = null;
};

const ways = {
  file: () => zone().querySelector("input").click(),
  camera: async () => {
    const dialog = zone().querySelector("dialog");
    dialog.showModal();
    dialog.onclose = stop;
    const notice = dialog.querySelector(".notice");
    try {
      video().srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      await video().play();
      notice.hidden = true;
    } catch (error) {
      notice.hidden = false;
    }
  },
  take: () => {
    const picture = document.createElement("canvas");
    [picture.width, picture.height] = [video().videoWidth, video().videoHeight];
    if (!picture.width) return;
    picture.getContext("2d").drawImage(video(), 0, 0);
    picture.toBlob((blob) => give(new File([blob], "photo.png", { type: "image/png" })));
    zone().querySelector("dialog").close();
  },
  cancel: () => zone().querySelector("dialog").close(),
};

element.addEventListener("click", (event) => {
  const way = event.target.closest("[data-way]")?.dataset.way;
  const sample = event.target.closest("[data-sample]");
  if (way) ways[way]();
  else if (sample) {
    question(sample.dataset.name, (token) => trigger("sample", { index: Number(sample.dataset.sample), token }));
  } else if (event.target.closest(".zone") && !event.target.closest("dialog, input")) ways.file();
});
