// js_on_load of the drop zone for many files: uploads them a few at a time, then asks for their answers.
const PARALLEL = 4;
let busy = false;

const uploadAll = async (files) => {
  const zone = element.querySelector(".drop");
  const says = (text) => (element.querySelector(".uploading").textContent = text);
  if (busy || !files.length) return;
  busy = true;
  const uploaded = [];
  let next = 0, current;
  const work = async () => {
    while (next < files.length) {
      const index = next++;
      current = files[index].name;
      uploaded[index] = await upload(files[index]);
      const done = uploaded.filter(Boolean).length;
      says(zone.dataset.uploading.replace("{done}", done).replace("{total}", files.length));
    }
  };
  says(zone.dataset.uploading.replace("{done}", 0).replace("{total}", files.length));
  try {
    await Promise.all(Array.from({ length: PARALLEL }, work));
    says("");
    trigger("select", { files: uploaded.map(({ path }) => ({ path })) });
  } catch {
    next = files.length;
    says(zone.dataset.failed.replace("{file}", () => current));
  }
  busy = false;
};

element.addEventListener("change", (event) => {
  if (event.target.type !== "file") return;
  uploadAll([...event.target.files]);
  event.target.value = "";
});
element.addEventListener("dragover", (event) => {
  event.preventDefault();
  element.querySelector(".drop").classList.add("over");
});
element.addEventListener("dragleave", () => element.querySelector(".drop").classList.remove("over"));
element.addEventListener("drop", (event) => {
  event.preventDefault();
  element.querySelector(".drop").classList.remove("over");
  uploadAll([...event.dataTransfer.files]);
});
