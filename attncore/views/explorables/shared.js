// What explorables share: the mathematics of one query, numbers to read, and the ways to move something.
// Each has a pure `picture(state)`, which gives {part: {attribute: value}}, where `text` is an element's words, and
// beside the parts `say`, the alternative text. `mount(root, start)` says what the reader can do.

export const sum = numbers => numbers.reduce((total, one) => total + one, 0);
export const dot = (a, b) => sum(a.map((one, place) => one * b[place]));
export const vector = numbers => `(${numbers.map(one => number(one)).join(", ")})`;
export const vectors = rows => rows.map(vector).join(", ");
const factor = value => value < 0 ? `(${number(value)})` : number(value);

/** A dot product as it's worked out: 1·2 + 1·(−1). */
export const products = (a, b) => a.map((one, place) => `${number(one)}·${factor(b[place])}`).join(" + ");

export const column = (matrix, place) => matrix.map(row => row[place]);
export const matmul = (a, b) => a.map(row => b[0].map((_, place) => dot(row, column(b, place))));
export const transpose = matrix => matrix[0].map((_, place) => column(matrix, place));

/** Softmax of a row; a hidden key has the score -Infinity, and a row of nothing else gives zeros. */
export function softmax(scores) {
  const most = Math.max(...scores), exponentials = scores.map(score => most === -Infinity ? 0 : Math.exp(score - most));
  const total = sum(exponentials) || 1;
  return exponentials.map(one => one / total);
}

/** A number to read: rounded half up, without needless zeros, with a true minus sign. */
export function number(value, digits = 2) {
  const rounded = Math.floor(value * 10 ** digits + 0.5) / 10 ** digits;
  if (!rounded) return "0";
  const written = rounded.toFixed(digits);
  return (digits ? written.replace(/\.?0+$/, "") : written).replace("-", "−");
}

const step = (name, share) => SCALES[name][Math.floor(Math.min(Math.max(share, 0), 1) * (SCALES[name].length - 1) + 0.5)];
export const weightColor = weight => step("weight", weight);
export const signedColor = (value, most) => step("signed", most ? 0.5 + 0.5 * value / most : 0.5);

/** Straight lines through points. */
export const path = points => "M" + points.map(([x, y]) => `${decimal(x)} ${decimal(y)}`).join("L");
const decimal = value => String(Math.round(100 * value) / 100);

/** The path of an arrow: a shaft and two barbs. */
export function arrow(x, y, toX, toY, head = 9) {
  const length = Math.hypot(toX - x, toY - y);
  if (length < 1) return `M${decimal(x)} ${decimal(y)}h0`;
  const back = head * (toX - x) / length, side = head * (toY - y) / length;
  return path([[x, y], [toX, toY]]) +
    path([[toX - back - side / 2, toY - side + back / 2], [toX, toY], [toX - back + side / 2, toY - side - back / 2]]);
}

export const seen = shown => shown ? "visible" : "hidden";

/** The parts of a matrix that `parts.cells` has drawn. `color` gives the colors of a cell and of its text, if any. */
export function cells(name, rows, {color, hidden} = {}) {
  const parts = {};
  rows.forEach((row, i) => row.forEach((value, j) => {
    const covered = hidden?.[i][j], one = `${name}-${i}-${j}`, [box, words] = color && !covered ? color(value) : [];
    parts[`${one}-box`] = {fill: box ?? "wash"};
    parts[`${one}-says`] = {text: covered ? "" : number(value), fill: words ?? "ink"};
    if (hidden) parts[`${one}-hatch`] = {visibility: seen(covered)};
  }));
  return parts;
}

export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

// From here on: the page.

export const find = (root, part) => root.querySelector(`[data-part="${part}"]`);

/**
 * A state that is drawn whenever it changes. `set` changes what is looked at; `move` changes the numbers themselves, so
 * that what the learner's function gave (`theirs`) is gone until the reset. Once a change has come to rest, `say` is read
 * aloud, or `told` where that would be too long.
 */
export function live(root, start, picture) {
  let state = structuredClone(start), resting;
  const whose = find(root, "whose"), first = whose.textContent;
  const draw = () => {
    const {say, told = say, ...parts} = picture(state);
    for (const [part, attributes] of Object.entries(parts)) redraw(find(root, part), attributes);
    root.querySelector("svg").setAttribute("aria-label", say);
    return told;
  };
  const set = changes => {
    state = {...state, ...changes};
    const told = draw();
    clearTimeout(resting);
    resting = setTimeout(() => find(root, "aloud").textContent = told, 400);
  };
  const move = changes => {
    whose.textContent = whose.dataset.moved;
    set({...changes, theirs: null});
  };
  find(root, "reset")?.addEventListener("click", () => {
    whose.textContent = first;
    set(structuredClone(start));
  });
  draw();
  return {get state() { return state; }, set, move};
}

function redraw(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") {
      if (element.textContent !== value) element.textContent = value;
    } else if (name === "value") {
      if (document.activeElement !== element || element.type === "range") element.value = value;
    } else if (name === "checked" || name === "disabled") element[name] = value;
    else if (name === "fill" || name === "stroke") paint(element, name, value);
    else element.setAttribute(name, typeof value === "number" ? decimal(value) : value);
  }
}

/** A color by its name follows the theme, by a class; any other is as given. */
function paint(element, property, color) {
  for (const one of [...element.classList].filter(one => one.startsWith(`${property}-`))) element.classList.remove(one);
  if (color in THEMES) element.classList.add(`${property}-${color}`);
  element.setAttribute(property, THEMES[color] ?? color);
}

export const on = (root, part, type, handler) => find(root, part).addEventListener(type, handler);

const keys = new WeakMap();

/** What keys do on an element in focus: {ArrowLeft: event => …}. */
export const onKeys = (element, handlers) => keys.set(element, {...keys.get(element), ...handlers});

/** Something that is moved in the plane: `moved(x, y)` in the drawing's units by the pointer, `nudged(dx, dy)` by arrow keys. */
export function movable(root, part, moved, nudged) {
  const element = find(root, part), svg = element.ownerSVGElement;
  element.style.touchAction = "none";
  element.addEventListener("pointerdown", event => {
    event.preventDefault();
    event.stopPropagation();
    element.setPointerCapture(event.pointerId);
    element.focus();
  });
  element.addEventListener("pointermove", event => {
    if (!element.hasPointerCapture(event.pointerId)) return;
    const {x, y} = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    moved(x, y);
  });
  const by = (dx, dy) => event => nudged(dx * (event.shiftKey ? 4 : 1), dy * (event.shiftKey ? 4 : 1));
  onKeys(element, {ArrowLeft: by(-1, 0), ArrowRight: by(1, 0), ArrowUp: by(0, 1), ArrowDown: by(0, -1)});
}

/** A notebook has shortcuts on plain keys; while something here has the focus, they stay here. */
function keepKeys(root) {
  const keep = event => {
    if (!root.contains(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (["Tab", "Escape"].includes(event.key) || event.key === "Enter" && event.shiftKey) return;
    event.stopPropagation();
    const handler = keys.get(event.target)?.[event.key];
    if (!handler) return;
    event.preventDefault();
    handler(event);
  };
  root.addEventListener("focusin", () => window.addEventListener("keydown", keep, true));
  root.addEventListener("focusout", () => window.removeEventListener("keydown", keep, true));
}

/** Bring to life what has this key and sleeps. */
export function wake(key, mount) {
  for (const root of document.querySelectorAll(`[data-explorable="${key}"]`)) {
    if (root.awake) continue;
    root.awake = true;
    const {state, html} = JSON.parse(root.querySelector("script").textContent);
    find(root, "stage").innerHTML = html;  // in place of the still picture
    root.querySelector("svg").setAttribute("role", "group");
    root.querySelector("svg > title").remove();  // its tooltip would lie over what is pointed at
    keepKeys(root);
    mount(root, state);
  }
}
