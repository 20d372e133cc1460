// Enhancement only: every page works without this file.

// Two thumbs that move two number inputs. The inputs are what is sent.
for (const band of document.querySelectorAll(".band")) {
  band.hidden = false;
  const name = band.dataset.for;
  const [low, high] = band.querySelectorAll("input");
  const from = document.getElementById(`${name}_min`);
  const to = document.getElementById(`${name}_max`);
  // Looked up each time: an htmx answer may have replaced the histogram.
  const paint = () => {
    const bars = [...document.querySelectorAll(`#facet-${name} rect`)];
    const width = (high.max - low.min) / bars.length;
    bars.forEach((bar, i) => {
      const inside = (i + 1) * width > low.valueAsNumber && i * width < high.valueAsNumber;
      bar.setAttribute("class", inside ? "in" : "");
    });
  };
  const slide = (thumb, other, input) => () => {
    const crossed = thumb === low ? thumb.valueAsNumber > other.valueAsNumber : thumb.valueAsNumber < other.valueAsNumber;
    if (crossed) thumb.value = other.value;
    input.value = thumb.value;
    paint();
  };
  low.addEventListener("input", slide(low, high, from));
  high.addEventListener("input", slide(high, low, to));
  from.addEventListener("input", () => { low.value = from.value || low.min; paint(); });
  to.addEventListener("input", () => { high.value = to.value || high.max; paint(); });
}

// Show what is being typed into a password field.
for (const button of document.querySelectorAll("button[data-reveals]")) {
  const input = document.getElementById(button.dataset.reveals);
  button.hidden = false;
  button.addEventListener("click", () => {
    const show = input.type === "password";
    input.type = show ? "text" : "password";
    button.setAttribute("aria-pressed", show);
  });
}
