// One stream of events moves all numbers, one stream of images the image. Text goes in as text, never as HTML.
"use strict";

const RETRY_MS = 2000, STALE_MS = 6000, SHOWN_CHANGES = 50;
const byId = (id) => document.getElementById(id);
const percent = (share, digits = 1) => `${(100 * share).toFixed(digits)} %`;

/** Three significant digits, as in the terminal: 0.0563, 8.61, 120. */
function milliseconds(value) {
  return value >= 99.95 ? value.toFixed(0) : value.toPrecision(3);
}

function make(kind, className, text = "") {
  const element = document.createElement(kind);
  element.className = className;
  element.textContent = text;
  return element;
}

// What was said last.
let card = null, result = null, status = null, heardAt = 0;
let changes = [];

/** A tile with a figure and the line of its last values. */
class Tile {
  static POINTS = 120;

  constructor(id, format, floor = 0) {
    this.element = byId(id);
    this.format = format;
    this.floor = floor;
    this.values = [];
  }

  add(value) {
    this.element.hidden = false;
    this.values.push(value);
    if (this.values.length > Tile.POINTS) this.values.shift();
    const sorted = [...this.values].sort((a, b) => a - b);
    this.element.querySelector(".value").textContent = this.format(value);
    this.element.querySelector(".range").textContent = `${this.format(sorted[0])} to ${this.format(sorted.at(-1))}`;
    // The few highest are cut off: one pause of the machine would flatten all the rest.
    this.draw(1.25 * sorted[Math.floor(0.97 * (sorted.length - 1))]);
  }

  draw(top) {
    const span = Math.max(top - this.floor, 1e-9);
    const points = this.values.map((value, i) => {
      const x = Tile.POINTS - this.values.length + i + 1;
      const share = Math.min(Math.max((value - this.floor) / span, 0), 1);
      return `${x} ${(39 - 38 * share).toFixed(2)}`;
    });
    const first = Tile.POINTS - this.values.length + 1;
    this.element.querySelector(".line").setAttribute("d", `M${points.join("L")}`);
    this.element.querySelector(".area").setAttribute("d", `M${first} 40L${points.join("L")}L${Tile.POINTS} 40Z`);
  }
}

const tiles = {
  latency: new Tile("latency", milliseconds),
  invoke: new Tile("invoke", milliseconds),
  rate: new Tile("rate", (value) => value.toFixed(1)),
  temperature: new Tile("temperature", (value) => value.toFixed(1), 20),
};

// The predictions, a row for each label (places.js says which).
const places = new Places();

function row() {
  const item = make("li", ""), track = make("div", "track");
  track.append(make("div", "bar"));
  item.append(make("span", "name"), make("span", "number soft"), track);
  return item;
}

function showPredictions(top) {
  const shares = card?.output.kind !== "logits";
  const scale = shares ? 1 : Math.max(...top.map((each) => Math.abs(each.score)), 1e-9);
  const predictions = new Map();
  for (const each of top) { // a foreign model's label may stand twice
    predictions.set(predictions.has(each.label) ? `${each.label} ${predictions.size}` : each.label, each);
  }
  const share = (each) => Math.min(Math.max(each.score / scale, 0), 1);
  places.update(new Map([...predictions].map(([key, each]) => [key, share(each)])), performance.now());
  fillRows(predictions, top[0], share, (each) => (shares ? percent(each.score) : each.score.toFixed(2)));
}

function fillRows(predictions, best, share, number) {
  const list = byId("predictions");
  while (list.children.length < places.rows.length) list.append(row());
  while (list.children.length > places.rows.length) list.lastChild.remove();
  places.rows.forEach((key, i) => {
    const item = list.children[i], each = predictions.get(key), name = item.querySelector(".name");
    if (name.textContent !== each.label) name.textContent = each.label;
    item.classList.toggle("best", each === best);
    item.style.setProperty("--share", share(each));
    item.querySelector(".number").textContent = number(each);
  });
}

function showResult(next) {
  result = next;
  heardAt = performance.now();
  if (result === null) return;
  showLabel();
  showPredictions(result.top);
  tiles.latency.add(result.ms.frame);
  tiles.invoke.add(result.ms.invoke);
  tiles.rate.add(result.rate);
  if (result.temperature !== null) tiles.temperature.add(result.temperature);
  const decoded = result.decoded === "full" ? "" : `, decoded at ${result.decoded} of their size`;
  const unusable = result.unusable ? `, ${result.unusable.toLocaleString("en")} broken or too large` : "";
  byId("dropped").textContent = `${result.number.toLocaleString("en")} frames classified, ` +
    `${result.dropped.toLocaleString("en")} dropped${unusable}${decoded}`;
  showVeil();
}

function showLabel() {
  const label = byId("label");
  if (label.textContent !== result.label) { // only then, so that a screen reader says it once
    label.textContent = result.label;
    label.classList.toggle("unknown", result.label === "unknown");
    byId("image").alt = `Live image, shown as ${result.label}`;
  }
  byId("score").textContent = card?.output.kind === "logits" ? result.score.toFixed(2) : percent(result.score);
}

// The history of labels, newest first, each with how long it was shown.
function showChanges() {
  const items = changes.slice(-SHOWN_CHANGES).map((change, i, shown) => {
    const item = document.createElement("li");
    item.append(
      make("time", "soft", new Date(1000 * change.time).toLocaleTimeString("en-GB")),
      make("span", "name", change.label),
      make("span", "held soft", held(change, shown[i + 1])),
    );
    return item;
  });
  if (items.length === 0) items.push(make("li", "empty soft", "None yet"));
  byId("changes").replaceChildren(...items.reverse());
}

/** How long a label was shown: until the next, or until now. */
function held(change, next) {
  const seconds = Math.max(0, (next ?? result ?? change).time - change.time);
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${Math.floor(seconds % 60)} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function showCard(next) {
  card = next;
  const { input, labels, accuracy, confidence } = card;
  const judged = accuracy?.split === "cross-validation" ? ", cross-validated" : "";
  const [low, high] = (accuracy?.interval ?? []).map((end) => (100 * end).toFixed(2));
  byId("model").textContent = card.variant ? `${card.name} ${card.variant}` : card.name;
  const facts = [
    ["Name", card.name],
    ["Variant", card.variant],
    ["Recipe", card.recipe],
    ["Input", `${input.width} × ${input.height}, ${input.fit}`],
    ["Labels", labels && `${labels.length}: ${labels.slice(0, 12).join(", ")}${labels.length > 12 ? " …" : ""}`],
    ["Accuracy", accuracy && `${percent(accuracy.top1, 2)} (${low}–${high}, n ${accuracy.n}${judged})`],
    ["Unknown", confidence.unknown_below && `below ${percent(confidence.unknown_below, 0)}`],
    ["Threads", status && String(status.threads)],
    ["Made", card.created && card.created.slice(0, 10)],
  ];
  byId("card").replaceChildren(
    ...facts.filter(([, fact]) => fact).flatMap(([name, fact]) => [make("dt", "", name), make("dd", "", fact)]),
  );
}

function showStatus(next) {
  status = next;
  if (status === null) say("waiting", "starting …");
  else if (status.is_streaming) say("good", status.message || `streaming from ${status.source}`);
  else say("waiting", status.message || "no frames");
  if (card) showCard(card);
  showVeil();
}

function say(state, text) {
  byId("status").dataset.state = state;
  if (byId("status-text").textContent !== text) byId("status-text").textContent = text;
}

/** Over the image: why it doesn't move. */
function showVeil() {
  let text = "";
  if (!events) text = "";
  else if (status && !status.is_streaming) text = status.message || "No frames";
  else if (result === null) text = "Waiting for the first image …";
  else if (!status?.may_wait && performance.now() - heardAt > STALE_MS) text = "No new image";
  byId("veil").textContent = text;
  byId("veil").hidden = text === "";
}

// The streams: open while the page is looked at, closed while it is paused or hidden.
let events = null, paused = false, retry = 0;

function open() {
  if (events || paused || document.hidden) return;
  events = new EventSource("/api/events");
  const on = (kind, act) => events.addEventListener(kind, (event) => act(JSON.parse(event.data)));
  on("state", showState);
  on("card", showCard);
  on("status", showStatus);
  on("result", showResult);
  on("change", (change) => {
    changes.push(change);
    showChanges();
  });
  events.addEventListener("error", () => {
    say("bad", "no connection");
    close();
    retry = setTimeout(reopen, RETRY_MS);
  });
}

function showState(state) {
  changes = state.history;
  showCard(state.card);
  showStatus(state.status);
  showResult(state.result);
  showChanges();
  showVeil();
  byId("version").textContent = state.version ? `framelite ${state.version}` : "framelite";
  byId("still").hidden = true;
  byId("image").src = `/stream.mjpg?${Date.now()}`;
}

/** After the connection was lost: on, or to the form where the token is another now. */
async function reopen() {
  const response = await fetch("/api/state").catch(() => null);
  if (response?.status === 401) location.reload();
  else if (response?.ok) open();
  else retry = setTimeout(reopen, RETRY_MS);
}

/** Closes both streams; the last image stays as a still one. */
function close() {
  clearTimeout(retry);
  events?.close();
  events = null;
  const image = byId("image"), still = byId("still");
  if (image.naturalWidth) {
    [still.width, still.height] = [image.naturalWidth, image.naturalHeight];
    still.getContext("2d").drawImage(image, 0, 0);
    still.hidden = false;
  }
  image.removeAttribute("src");
  showVeil();
}

byId("pause").addEventListener("click", () => {
  paused = !paused;
  byId("pause").setAttribute("aria-pressed", paused);
  if (paused) {
    close();
    say("waiting", "paused");
  } else open();
});
document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
setInterval(() => {
  if (!events) return;
  if (changes.length) byId("changes").querySelector(".held").textContent = held(changes.at(-1));
  if (result) showPredictions(result.top); // the rows find their order also where nothing new comes
  showVeil();
}, 1000);

// The token of the first visit is in a cookie now: it needn't stay where others see it.
if (location.search) history.replaceState(null, "", location.pathname);
// Not before: a browser would call the page unfinished as long as the stream has no first image.
window.addEventListener("load", open);
