// Turns of each rotary pair within a stretched text, and its speed.

const LEFT = 60, RIGHT = 664, TOP = 62, BOTTOM = 262, LOWEST = -3, HIGHEST = 5, SPEEDS = 306, FLOOR = 366;

/** Radians a position of each pair: in training, and scaled. */
export function frequencies({d, base, trained, factor, kind}) {
  const plain = Array.from({length: d / 2}, (_, pair) => base ** (-2 * pair / d));
  const scaled = plain.map((speed, pair) => {
    if (kind === "position interpolation") return speed / factor;
    if (kind === "NTK-aware") return speed / factor ** (pair / (d / 2 - 1));
    if (kind !== "YaRN") return speed;
    const kept = clamp((trained * speed / (2 * Math.PI) - 1) / 31, 0, 1);
    return speed * (kept + (1 - kept) / factor);
  });
  return [plain, scaled];
}

/** Turns of each pair: within the trained length, and within the stretched text. */
export function turned(state) {
  const [plain, scaled] = frequencies(state), once = state.trained / (2 * Math.PI);
  return [plain.map(speed => speed * once), scaled.map(speed => speed * once * state.factor)];
}

const up = turns => BOTTOM - (BOTTOM - TOP) *
  Math.min((Math.log10(Math.max(turns, 10 ** LOWEST)) - LOWEST) / (HIGHEST - LOWEST), 1);
const said = turns => number(turns, turns < 1 ? 3 : turns < 100 ? 1 : 0);

export function picture(state) {
  const {d, trained, factor, kind, pair} = state, pairs = d / 2, width = (RIGHT - LEFT) / pairs, parts = {};
  const [plain, scaled] = frequencies(state), [before, now] = turned(state);
  const unseen = before.map((turns, place) => turns < 1 && now[place] > turns * (1 + 1e-9));
  now.forEach((turns, place) => {
    const high = (FLOOR - SPEEDS) * scaled[place] / plain[place];
    parts[`bar-${place}`] = {y: up(turns), height: BOTTOM - up(turns), fill: unseen[place] ? "orange" : "blue"};
    parts[`speed-${place}`] = {y: FLOOR - high, height: high};
  });
  const share = number(100 * scaled[pair] / plain[pair], 0), x = LEFT + width * pair;
  const one = `Pair ${pair}: ${said(before[pair])} turns in training, ${said(now[pair])} now, at ${share} % of its speed.`;
  const all = `${unseen.filter(Boolean).length} of ${pairs} pairs reach angles that they never saw in training.`;
  parts.one = {text: one};
  parts.all = {text: all};
  parts.at = {transform: `translate(${Math.round(100 * (x + width / 2)) / 100} 0)`};
  parts.cursor = {x: x - 2, "aria-valuenow": pair, "aria-valuetext": one};
  parts.kind = {value: kind};
  parts.factor = {value: Math.log2(factor), "aria-valuetext": `${factor} times`};
  parts["factor-says"] = {text: `${factor}`};
  const length = String(trained * factor).replace(/\B(?=(\d{3})+$)/g, ",");
  const say = `A text of ${length} tokens, ${factor} times the trained length, ${kind}. ${all} ${one}`;
  return {...parts, say, told: `${all} ${one}`};
}

export function mount(root, start) {
  const scene = live(root, start, picture), last = start.d / 2 - 1, look = pair => scene.set({pair: clamp(pair, 0, last)});
  on(root, "kind", "change", event => scene.move({kind: event.target.value}));
  on(root, "factor", "input", event => scene.move({factor: 2 ** event.target.valueAsNumber}));
  const svg = root.querySelector("svg");
  on(root, "catch", "pointermove", event => {
    const {x} = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    look(Math.floor((x - LEFT) / (RIGHT - LEFT) * (last + 1)));
  });
  const walk = by => () => look(scene.state.pair + by);
  onKeys(find(root, "cursor"), {ArrowLeft: walk(-1), ArrowDown: walk(-1), ArrowRight: walk(1), ArrowUp: walk(1)});
}
