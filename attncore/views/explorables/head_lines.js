// Heads of a trained network: bands from word to word, for the chosen head and the chosen word.

const LEFT = 150, RIGHT = 300, TOP = 84, MAPS_AT = 452, MAPS_TOP = 60, LABEL = 24, LEAST = 0.005;

const middle = (token, {gap}) => TOP + gap * token;

/** A query's bands: on its own side they pile up to the height of 1, on the other each meets its key's middle. */
export function rowOfBands(row, query, at) {
  let top = middle(query, at) - at.thick / 2;
  return row.map((weight, key) => {
    const thick = at.thick * weight, y = top;
    top += thick;
    return weight >= LEAST ? band(y, middle(key, at) - thick / 2, thick) : "";
  });
}

function band(y, toY, thick) {
  const half = (LEFT + RIGHT) / 2, [a, b, c, d] = [y, toY, toY + thick, y + thick].map(decimal);
  return `M${LEFT} ${a}C${half} ${a} ${half} ${b} ${RIGHT} ${b}V${c}C${half} ${c} ${half} ${d} ${LEFT} ${d}Z`;
}

export const called = (words, token) =>
  `“${words[token]}”` + (words.filter(word => word === words[token]).length > 1 ? ` (token ${token})` : "");

const most = row => row.indexOf(Math.max(...row));
const largest = row => row.map((_, place) => place).sort((a, b) => row[b] - row[a]).slice(0, 3);

/** The line below the words: where the chosen one looks, or who looks at it. */
export function told({words, maps, head, chosen: [side, token]}) {
  if (side === "all") return `Each query hands out a weight of 1, so the keys’ sums add up to ${words.length}.`;
  const weights = side === "query" ? maps[head][token] : column(maps[head], token);
  const list = largest(weights).filter(other => weights[other] >= LEAST)
    .map(other => `${called(words, other)} ${number(weights[other])}`).join(", ");
  const name = called(words, token);
  return side === "query" ? `${name} looks at ${list}` : list ? `${name} is looked at by ${list}` : `Nobody looks at ${name}`;
}

export function picture(state) {
  const {words, maps, names, head, chosen: [side, token], at} = state, weights = maps[head], parts = {};
  const rows = weights.map((row, query) => rowOfBands(row, query, at)), all = side === "all";
  rows.forEach((row, query) => parts[`row-${query}`] = {d: row.join("") || "M0 0h0", opacity: all ? 0.45 : 0.12});
  const lit = all ? [] : side === "query" ? rows[token] : column(rows, token);
  parts.lit = {d: lit.join("") || "M0 0h0"};
  const sums = words.map((_, key) => sum(column(weights, key)));
  words.forEach((_, one) => {
    parts[`query-${one}-says`] = {text: side === "key" ? number(weights[one][token]) : ""};
    parts[`key-${one}-says`] = {text: all ? number(sums[one]) : side === "query" ? number(weights[token][one]) : ""};
  });
  parts.title = {text: `Where does ${names[head]} look?`};
  parts["count-query"] = {text: side === "key" ? "weight" : ""};
  parts["count-key"] = {text: all ? "sum" : side === "query" ? "weight" : ""};
  parts.sentence = {text: told(state)};
  parts.cursor = {
    transform: `translate(${side === "key" ? RIGHT : 14} ${decimal(middle(token, at) - at.gap / 2 + 1)})`,
    "aria-valuenow": token, "aria-valuetext": all ? "all words" : `${side}: ${told(state)}`,
  };
  parts.frame = {visibility: seen(!all)};
  const [x, y] = [head % at.across, Math.floor(head / at.across)], size = at.side / words.length;
  parts.heads = {
    transform: `translate(${decimal(MAPS_AT + 10 + x * (at.side + 20))} ${decimal(MAPS_TOP + y * (at.side + LABEL))})`,
    "aria-valuenow": head, "aria-valuetext": names[head],
  };
  parts.line = {
    x: side === "key" ? size * token : 0, y: side === "key" ? 0 : size * token,
    width: side === "key" ? size : at.side, height: side === "key" ? at.side : size, visibility: seen(!all),
  };
  const looks = weights.map((row, one) => `${called(words, one)} at ${called(words, most(row))} ${number(row[most(row)])}`);
  const say = `Bands between words, as thick as the weights of ${names[head]}. Most weight: ${looks.join("; ")}.`;
  return {...parts, say, told: `${names[head]}. ${told(state)}`};
}

/** The word a step up or down, or on the other side. */
export function stepped([side, token], across, down, n) {
  if (side === "all") return [across > 0 ? "key" : "query", 0];
  return [across ? (across > 0 ? "key" : "query") : side, clamp(token + down, 0, n - 1)];
}

export function mount(root, start) {
  const scene = live(root, start, picture), {words, maps, at} = start;
  for (const side of ["query", "key"]) words.forEach((_, token) =>
    on(root, `${side}-${token}`, "pointerover", () => scene.set({chosen: [side, token]})));
  const walk = (across, down) => () => scene.set({chosen: stepped(scene.state.chosen, across, down, words.length)});
  onKeys(find(root, "cursor"), {
    ArrowLeft: walk(-1, 0), ArrowRight: walk(1, 0), ArrowUp: walk(0, -1), ArrowDown: walk(0, 1),
  });
  maps.forEach((_, head) => on(root, `head-${head}`, "click", () => scene.set({head})));
  const turn = by => () => scene.set({head: clamp(scene.state.head + by, 0, maps.length - 1)});
  onKeys(find(root, "heads"), {
    ArrowLeft: turn(-1), ArrowRight: turn(1), ArrowUp: turn(-at.across), ArrowDown: turn(at.across),
  });
  on(root, "all", "click", () => scene.set({chosen: ["all", 0]}));
}
