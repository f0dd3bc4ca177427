// What both pages share: elements without HTML in strings, sections drawn anew only where something changed, a clock.

export const $ = id => document.getElementById(id);

/** An element with attributes and children; text is text, whatever stands in it. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, one] of Object.entries(value)) element.style.setProperty(key, one);
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter(child => child !== null && child !== undefined && child !== false));
  return element;
}

/** Text in which `code` is set as code. */
export const words = text => text.split(/`([^`]+)`/).map((part, place) => place % 2 ? el("code", {}, part) : part);

const drawn = {};

/** Draw a section from data where the data isn't what it was. The focus stays with the element of the same data-key. */
export function show(id, data, draw) {
  const text = JSON.stringify(data), section = $(id);
  if (drawn[id] === text) return;
  drawn[id] = text;
  const key = section.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  section.replaceChildren(...[draw(data)].flat(2).filter(child => child !== null && child !== false));
  if (key !== undefined) section.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
}

let ends = null;

/** Count down from so many seconds; null is no clock. */
export function countDown(seconds) {
  const end = seconds === null ? null : performance.now() + 1000 * seconds;
  if (end === null || ends === null || Math.abs(end - ends) > 1500) ends = end;
  tick();
}

function tick() {
  const clock = $("clock");
  const left = ends === null ? null : Math.max(0, Math.ceil((ends - performance.now()) / 1000));
  clock.hidden = left === null;
  const text = left === 0 ? "Time’s up" : `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
  if (clock.textContent !== text) clock.textContent = text;
}
setInterval(tick, 250);

export const counted = (number, one, many = one + "s") => `${number} ${number === 1 ? one : many}`;

/** An option of a poll, with the letter by which a room speaks of it. */
export const lettered = (option, place) => [el("b", {class: "letter"}, `${String.fromCharCode(97 + place)}) `), ...words(option)];

/** The options of a poll with its bars, before talking it over and after, side by side; the right answer where it's shown. */
export function bars(poll) {
  const shown = [0, 1].filter(round => poll.bars[round] && poll.bars[round].some(Boolean));
  const most = Math.max(1, ...shown.flatMap(round => poll.bars[round]));
  return poll.options.map((option, place) => el("li", {class: poll.right === place ? "option right" : "option"},
    el("p", {}, ...lettered(option, place), poll.right === place ? el("b", {}, "  ✓ right") : null,
      poll.vote === place ? el("span", {class: "quiet"}, "  your vote") : null),
    ...shown.map(round => el("div", {class: `bar round-${round}`},
      el("span", {class: "fill", style: {width: `${100 * poll.bars[round][place] / most}%`}}),
      el("span", {class: "number"},
        `${poll.bars[round][place]}`, el("span", {class: "quiet"}, round ? " after" : " before")))),
    poll.reasons?.[place] ? el("p", {class: "quiet"}, ...words(poll.reasons[place])) : null));
}

/** Send JSON; return what comes back, or throw the sentence that says why not. */
export async function send(address, message, headers = {}) {
  const answer = await fetch(address, {
    method: "POST", headers: {"Content-Type": "application/json", ...headers}, body: JSON.stringify(message)});
  return heard(answer);
}

export async function heard(answer) {
  const body = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(body.problem), {status: answer.status});
  return body;
}
