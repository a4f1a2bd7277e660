// Drop, choose, photograph or paste: how files come to the page.
import { html } from "./html.js";

// Return the drop zone, and a button for each example.
export const zone = ({ page, words }) => html`<div class="choose">
  <div class="zone" id="film-input">
    <input type="file" multiple tabindex="-1" aria-hidden="true">
    <div class="ways">
      <button type="button" class="primary" data-way="file">${words("page.choose")}</button>
      <button type="button" data-way="camera">${words("page.photo")}</button>
      <span>${words("page.drop")}</span>
    </div>
    <p class="quiet">${words("page.formats")}</p>
    <dialog aria-label="${words("page.photo")}"><video playsinline muted></video>
      <p class="notice" hidden>${words("page.no_camera")}</p>
      <p><button type="button" class="primary" data-way="take">${words("page.take")}</button>
        <button type="button" data-way="cancel">${words("page.cancel")}</button></p></dialog>
  </div>
  ${page.examples.length ? samples(page.examples, words) : ""}
</div>`;

const samples = (examples, words) => html`<div class="samples" role="group" aria-labelledby="samples-label">
  <p id="samples-label" class="quiet">${words("samples.question")}</p>
  <ul>${examples.map(
    ({ thumbnail, phrase }, index) => html`<li><button type="button" data-sample="${index}"><img src="${thumbnail}" alt="" width="448" height="336"><span>${words(phrase)}</span></button></li>`,
  )}</ul></div>`;

// Listen to the zone `root` and the whole page. `give` takes files, `sample` the index of an example.
export function listenForFiles(root, give, sample) {
  const video = () => root.querySelector("video"), dialog = () => root.querySelector("dialog");
  const stop = () => {
    for (const track of video().srcObject?.getTracks() ?? []) track.stop();
    video().srcObject = null;
  };
  const ways = {
    file: () => root.querySelector("input[type=file]").click(),
    camera: async () => {
      dialog().showModal();
      dialog().onclose = stop;
      const notice = dialog().querySelector(".notice");
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
      picture.toBlob((blob) => give([new File([blob], "photo.png", { type: "image/png" })]));
      dialog().close();
    },
    cancel: () => dialog().close(),
  };
  root.addEventListener("change", ({ target }) => {
    if (target.type !== "file") return;
    const files = [...target.files];
    target.value = "";
    if (files.length) give(files);
  });
  root.addEventListener("click", ({ target }) => {
    const way = target.closest("[data-way]")?.dataset.way, chosen = target.closest("[data-sample]");
    if (way) ways[way]();
    else if (chosen) sample(Number(chosen.dataset.sample));
    else if (target.closest(".zone") && !target.closest("dialog, input")) ways.file();
  });
  listenToPage(root, give);
}

function listenToPage(root, give) {
  document.addEventListener("paste", ({ clipboardData }) => {
    if (clipboardData?.files.length) give([...clipboardData.files]);
  });
  for (const kind of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      root.querySelector(".zone").classList.toggle("over", kind === "dragover");
      if (kind === "drop" && event.dataTransfer.files.length) give([...event.dataTransfer.files]);
    });
  }
}
