"use strict";
// The attention explorer. A map's value is byte * scale; each map is drawn with one canvas pixel for each patch.

const data = JSON.parse(document.getElementById("maps").textContent);
const LEVELS = 255;

for (const button of document.querySelectorAll(".zoom")) {
  button.addEventListener("click", () => {
    button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
  });
}

if (data) startExplorer();

function startExplorer() {
  const stage = document.getElementById("stage");
  const said = document.getElementById("said");
  const palette = bytes(data.palette);
  const stops = Math.max(...data.models.map((model) => model.depths.length));
  const state = {
    image: 0,
    stop: Math.round(0.75 * (stops - 1)),
    place: { down: 0.5, right: 0.5 }, // shares of the image's height and width
    hover: null,
    classToken: false,
    shown: new Set(data.models.slice(0, matchMedia("(max-width: 40rem)").matches ? 2 : 3)),
  };
  const decoded = new Map();
  let latest = 0;

  const panels = new Map(data.models.map((model) => [model, panel(model)]));
  document.getElementById("panels").append(...panels.values());
  const depthText = controls(document.getElementById("controls"));
  stage.hidden = false;
  listen();
  render();

  // What is shown -----------------------------------------------------------------------------------------------

  async function render() {
    const turn = ++latest;
    const shown = data.models.filter((model) => state.shown.has(model));
    for (const [model, element] of panels) element.hidden = !state.shown.has(model);
    const stored = await Promise.all(shown.map(mapsOf)).catch((error) => {
      said.textContent = `The maps cannot be read: ${error}. A browser of 2023 or later can.`;
    });
    if (turn !== latest || !stored) return; // something newer is on its way
    const lines = shown.map((model, number) => fill(panels.get(model), model, stored[number]));
    said.textContent = [queryText(shown), ...lines].join(" ");
    depthText(shown);
  }

  /** Draw all maps of a model and say where the mean over heads is largest. */
  function fill(element, model, stored) {
    const query = queryIndex(model);
    const depth = model.depths[stopOf(model)];
    element.dataset.query = String(query);
    element.dataset.depth = String(depth);
    element.querySelector(".where").textContent = `depth ${depth} of ${model.depth}`;
    const picture = data.pictures[model.pictures[state.image]];
    for (const image of element.querySelectorAll("img")) if (image.src !== picture) image.src = picture;
    element.querySelector(".picker").setAttribute("aria-label",
      `${model.name}, ${data.images[state.image]}: choose the query patch with the arrow keys`);
    for (const box of element.querySelectorAll(".box")) moveBox(box, model);
    element.classList.toggle("empty", query < 0);
    if (query < 0) return `${model.name} has no class token.`;

    const heads = Array.from({ length: model.heads }, (_, head) => valuesOf(stored, model, head, query));
    const mean = heads[0].map((_, patch) => heads.reduce((sum, values) => sum + values[patch], 0) / heads.length);
    const figures = element.querySelectorAll(".map");
    [mean, ...heads].slice(0, figures.length).forEach((values, number) => draw(figures[number], values));
    const top = mean.indexOf(Math.max(...mean));
    const columns = model.grid[1];
    return `${model.name}, depth ${depth}: most at row ${Math.floor(top / columns)}, column ${top % columns} ` +
      `(${mean[top].toPrecision(2)}).`;
  }

  function draw(figure, values) {
    const canvas = figure.querySelector("canvas");
    const context = canvas.getContext("2d");
    const pixels = context.createImageData(canvas.width, canvas.height);
    const top = Math.max(...values);
    values.forEach((value, patch) => {
      const level = 3 * Math.round((LEVELS * value) / top);
      pixels.data.set([palette[level], palette[level + 1], palette[level + 2], 255], 4 * patch);
    });
    context.putImageData(pixels, 0, 0);
    figure.querySelector(".top").textContent = `max ${top.toPrecision(2)}`;
  }

  function moveBox(box, model) {
    const [rows, columns] = model.grid;
    const [row, column] = patchAt(model);
    box.hidden = state.classToken;
    Object.assign(box.style, {
      top: `${(100 * row) / rows}%`, left: `${(100 * column) / columns}%`,
      height: `${100 / rows}%`, width: `${100 / columns}%`,
    });
  }

  function queryText(shown) {
    if (state.classToken) return "Query: the class token.";
    const places = shown.map((model) => {
      const [row, column] = patchAt(model);
      return `row ${row}, column ${column} of ${model.grid[0]} × ${model.grid[1]}`;
    });
    return `Query, counted from 0: ${[...new Set(places)].join("; ")}.`;
  }

  // The numbers -------------------------------------------------------------------------------------------------

  /** The stored maps of a model at the chosen image and depth: scales and bytes, unpacked once. */
  function mapsOf(model) {
    const stop = stopOf(model);
    const key = `${data.models.indexOf(model)}/${state.image}/${stop}`;
    if (!decoded.has(key)) decoded.set(key, unpack(data.maps[model.name][state.image][stop], model));
    return decoded.get(key);
  }

  async function unpack(text, model) {
    const stream = new Blob([bytes(text)]).stream().pipeThrough(new DecompressionStream("deflate"));
    const buffer = await new Response(stream).arrayBuffer();
    const scales = new Float32Array(buffer, 0, model.heads * queriesOf(model));
    return { scales, codes: new Uint8Array(buffer, scales.byteLength) };
  }

  function valuesOf({ scales, codes }, model, head, query) {
    const map = head * queriesOf(model) + query;
    const patches = patchesOf(model);
    return Array.from(codes.subarray(map * patches, (map + 1) * patches), (code) => code * scales[map]);
  }

  function patchesOf(model) {
    return model.grid[0] * model.grid[1];
  }

  function queriesOf(model) {
    return patchesOf(model) + (model.classToken ? 1 : 0);
  }

  /** Which of the model's depths stands at the slider's stop: the same share of its own list. */
  function stopOf(model) {
    return stops === 1 ? 0 : Math.round((state.stop / (stops - 1)) * (model.depths.length - 1));
  }

  function patchAt(model) {
    const place = (!state.classToken && state.hover) || state.place;
    const [rows, columns] = model.grid;
    return [Math.min(Math.floor(place.down * rows), rows - 1), Math.min(Math.floor(place.right * columns), columns - 1)];
  }

  /** Number of the query's maps; the class token stands first. -1 where the model has none. */
  function queryIndex(model) {
    if (state.classToken) return model.classToken ? 0 : -1;
    const [row, column] = patchAt(model);
    return row * model.grid[1] + column + (model.classToken ? 1 : 0);
  }

  // Mouse, touch, keys ------------------------------------------------------------------------------------------

  function listen() {
    stage.addEventListener("pointermove", (event) => {
      const frame = event.pointerType === "mouse" && event.target.closest(".frame");
      const hover = frame ? placeIn(frame, event) : null;
      if (hover || state.hover) update({ hover });
    });
    stage.addEventListener("pointerleave", () => state.hover && update({ hover: null }));
    stage.addEventListener("click", (event) => {
      const frame = event.target.closest(".frame");
      if (frame) ask(placeIn(frame, event));
    });
    stage.addEventListener("keydown", (event) => {
      const picker = event.target.closest(".picker");
      if (!picker || event.ctrlKey || event.altKey || event.metaKey) return;
      const model = data.models.find((one) => panels.get(one).contains(picker));
      const step = moved(model, event.key);
      if (!step) return;
      event.preventDefault();
      ask(step);
    });
  }

  function moved(model, key) {
    const [rows, columns] = model.grid;
    state.hover = null;
    const [row, column] = patchAt(model);
    const target = {
      ArrowUp: [row - 1, column], ArrowDown: [row + 1, column],
      ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1],
      Home: [row, 0], End: [row, columns - 1], PageUp: [0, column], PageDown: [rows - 1, column],
    }[key];
    if (!target) return null;
    const inside = (value, count) => (Math.min(Math.max(value, 0), count - 1) + 0.5) / count;
    return { down: inside(target[0], rows), right: inside(target[1], columns) };
  }

  function placeIn(frame, event) {
    const { left, top, width, height } = frame.getBoundingClientRect();
    const share = (value) => Math.min(Math.max(value, 0), 1);
    return { down: share((event.clientY - top) / height), right: share((event.clientX - left) / width) };
  }

  /** Ask from a place of the image: what was chosen before, class token or patch, is given up. */
  function ask(place) {
    const box = document.getElementById("class-token");
    if (box) box.checked = false;
    update({ place, hover: null, classToken: false });
  }

  function update(changes) {
    Object.assign(state, changes);
    render();
  }

  // Elements ----------------------------------------------------------------------------------------------------

  function controls(form) {
    form.addEventListener("submit", (event) => event.preventDefault());
    const images = data.images.map((name, number) => {
      const input = make("input", { type: "radio", name: "image", checked: number === 0 });
      input.addEventListener("change", () => update({ image: number }));
      const picture = make("img", { src: data.pictures[data.models[0].pictures[number]], alt: name });
      return make("label", { className: "thumbnail", title: name }, input, picture);
    });
    const models = data.models.map((model) => {
      const input = make("input", { type: "checkbox", checked: state.shown.has(model) });
      input.addEventListener("change", () => {
        state.shown[input.checked ? "add" : "delete"](model);
        render();
      });
      return make("label", {}, input, model.name);
    });
    const depth = make("input", { type: "range", id: "depth", min: 0, max: stops - 1, value: state.stop });
    depth.addEventListener("input", () => update({ stop: Number(depth.value) }));
    const text = make("span", { className: "value" });
    const classToken = make("input", { type: "checkbox", id: "class-token" });
    classToken.addEventListener("change", () => update({ classToken: classToken.checked, hover: null }));
    const asked = data.models.some((model) => model.classToken)
      ? [make("fieldset", {}, make("legend", {}, "Query"), make("label", {}, classToken, "class token"))] : [];
    form.append(
      make("fieldset", {}, make("legend", {}, "Image"), ...images),
      make("fieldset", {}, make("legend", {}, "Depth"), make("label", { className: "slider" }, depth, text)),
      ...asked,
      make("fieldset", {}, make("legend", {}, "Models"), ...models),
      make("div", { className: "scale" }, "no attention", scale(), "the map’s largest"),
    );
    depth.setAttribute("aria-label", "Depth");
    return (shown) => {
      const depths = [...new Set(shown.map((model) => `${model.depths[stopOf(model)]} of ${model.depth}`))];
      text.textContent = depths.join(", ");
      depth.setAttribute("aria-valuetext", `depth ${text.textContent}`);
    };
  }

  /** The colours from 0 to the largest value of a map. */
  function scale() {
    const canvas = make("canvas", { width: LEVELS + 1, height: 1 });
    const context = canvas.getContext("2d");
    const pixels = context.createImageData(canvas.width, 1);
    for (let level = 0; level <= LEVELS; level++) pixels.data.set([...palette.subarray(3 * level, 3 * level + 3), 255], 4 * level);
    context.putImageData(pixels, 0, 0);
    return canvas;
  }

  function panel(model) {
    const picker = view(model, "photograph");
    const frame = picker.querySelector(".frame");
    frame.classList.add("picker");
    for (const [name, value] of Object.entries({ tabindex: 0, role: "application" })) frame.setAttribute(name, value);
    const heads = data.kind === "heads"
      ? Array.from({ length: model.heads }, (_, head) => view(model, `head ${head}`, true)) : [];
    return make("section", { className: "panel", ariaLabel: model.name },
      make("h3", {}, model.name, " ", make("span", { className: "where" })),
      make("div", { className: "pair" }, picker, view(model, "mean of heads", true)),
      make("div", { className: "heads" }, ...heads));
  }

  function view(model, name, map = false) {
    const [rows, columns] = model.grid;
    const canvas = map ? [make("canvas", { width: columns, height: rows })] : [];
    const frame = make("div", { className: "frame" }, make("img", { alt: "" }), ...canvas, make("span", { className: "box" }));
    const caption = make("figcaption", {}, name, " ", make("span", { className: "top" }));
    return make("figure", { className: map ? "view map" : "view" }, frame, caption);
  }

  function make(tag, properties, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }

  function bytes(text) {
    return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  }
}
