// js_on_load of the drop zone and the samples: what is chosen is announced to the page, which says at once what
// is being read (reading.js), and is an event for the server when it is its turn.
let latest;
const choose = (detail) => {
  latest = detail;
  const event = new CustomEvent("film-chosen", { detail, cancelable: true });
  const isTaken = !document.dispatchEvent(event);
  if (!isTaken) setTimeout(() => latest === detail && choose(detail), 50); // the page's script is still to come
};

const give = (file) =>
  choose({
    name: file.name,
    prepare: () => upload(file),
    send: (token, { path }) => trigger("give", { file: path, token }),
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
    } catch {
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
    const index = Number(sample.dataset.sample);
    choose({ name: sample.dataset.name, send: (token) => trigger("sample", { index, token }) });
  } else if (event.target.closest(".zone") && !event.target.closest("dialog, input")) ways.file();
});
