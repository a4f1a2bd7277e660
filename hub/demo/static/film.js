// The film under its heatmap.
document.addEventListener("input", (event) => {
  const slider = event.target.closest(".film input[type=range]");
  if (slider) slider.closest(".film").querySelector(".heat").style.opacity = slider.value / 100;
});
