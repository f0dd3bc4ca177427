// Generation, step by step: what is computed, with a cache of keys and values and without.

const BAR = 96, PAUSE = 900;
const COLORS = {now: "orange", before: "blue", hidden: "wash", absent: "paper"};

const some = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;

/** Whether a query may look at a key: itself, and what stands before it within the window. */
export const allowed = (query, key, window) => key <= query && key > query - window;

/** The step in which a token's query is computed first. */
const stepOf = (token, prompt) => Math.max(0, token - prompt + 1);

/** What a step makes of the score of a query and a key. */
export function kind({prompt, step, cached, window}, query, key) {
  const tokens = prompt + step, first = stepOf(query, prompt), there = cached ? prompt + first : tokens;
  if (query >= tokens || key >= there) return "absent";
  if (!allowed(query, key, window)) return "hidden";
  return !cached || first === step ? "now" : "before";
}

/** What there is of a token's key and value after a step. */
export function held({prompt, step, cached, window}, token) {
  const tokens = prompt + step;
  if (token >= tokens) return "absent";
  if (cached && token < tokens - window) return "hidden";
  return !cached || stepOf(token, prompt) === step ? "now" : "before";
}

/** Of one step: its queries, the keys that they look at, and its scores, in one layer. */
export function sizes({prompt, window}, step, cached) {
  const tokens = prompt + step, queries = cached && step ? 1 : tokens;
  const rows = Array.from({length: queries}, (_, place) => Math.min(tokens - place, window));
  return {queries, keys: queries > 1 ? tokens : Math.min(tokens, window), scores: sum(rows)};
}

/** Scores, and keys and values, of all steps up to this one, in all layers. */
export function totals(state, step, cached) {
  const each = Array.from({length: step + 1}, (_, one) => sizes(state, one, cached));
  return [sum(each.map(one => one.scores)), 2 * sum(each.map(one => one.queries))].map(one => one * state.layers);
}

function box(part, kind) {
  return {[part]: {fill: COLORS[kind]}, [`${part}-hatch`]: {visibility: seen(kind === "hidden")}};
}

export function picture(state) {
  const {words, prompt, steps, step, cached, window, layers, cell, top, playing} = state;
  const tokens = prompt + step, n = prompt + steps, parts = {};
  for (let token = 0; token < n; token++) {
    const label = {text: token < tokens ? words[token] : "", "font-weight": token === tokens - 1 ? 700 : 400};
    parts[`query-${token}`] = parts[`key-${token}`] = label;
    for (let layer = 0; layer < layers; layer++) for (const name of "KV") {
      Object.assign(parts, box(`${name}-${layer}-${token}`, held(state, token)));
    }
    for (let key = 0; key < n; key++) Object.assign(parts, box(`score-${token}-${key}`, kind(state, token, key)));
  }
  parts.predicted = {y: top + cell * (tokens - 0.5) + 4, text: `→ ${words[tokens]}`};
  const heading = !step ? `Prefill: ${prompt} tokens at once`
    : cached ? `Step ${step}: one new token` : `Step ${step}: all ${tokens} tokens again`;
  const {queries, keys, scores} = sizes(state, step, cached);
  const size = `${some(queries, "query", "queries")}, ${some(keys, "key")}: ${some(scores, "score")}`;
  const stack = layers > 1 ? ` in ${layers} layers` : "";
  const kept = cached ? `${some(Math.min(tokens, window), "token")}: K and V${stack}` : "nothing";
  parts.heading = {text: heading};
  parts.sizes = {text: size};
  parts.kept = {text: kept};
  const last = totals(state, steps, false), [withCache, without] = [true, false].map(one => totals(state, step, one));
  ["scores", "vectors"].forEach((name, place) => {
    for (const [how, all] of [["with", withCache], ["without", without]]) {
      parts[`${name}-${how}`] = {width: BAR * all[place] / last[place]};
      parts[`${name}-${how}-says`] = {text: number(all[place])};
    }
  });
  parts.back = {disabled: !step};
  parts.next = {disabled: step === steps};
  parts.play = {text: playing ? "Pause" : "Play"};
  parts.cached = {checked: cached};
  parts.window = {value: window, "aria-valuetext": window < n ? some(window, "token") : "none"};
  parts["window-says"] = {text: window < n ? some(window, "token") : "none"};
  const say = `${heading}, ${size} in each layer. So far ${withCache[0]} scores with a cache, ${without[0]} without; ` +
    `${withCache[1]} keys and values computed with it, ${without[1]} without. Kept for the next step: ${kept}.`;
  return {...parts, say, told: `${heading}, ${size}.`};
}

export function mount(root, start) {
  const scene = live(root, start, picture), {steps} = start;
  let waiting;
  const go = (step, playing) => {
    clearTimeout(waiting);
    scene.set({step: clamp(step, 0, steps), playing: playing && step < steps});
    if (scene.state.playing) waiting = setTimeout(() => scene.state.playing && go(scene.state.step + 1, true), PAUSE);
  };
  on(root, "back", "click", () => go(scene.state.step - 1, false));
  on(root, "next", "click", () => go(scene.state.step + 1, false));
  on(root, "play", "click", () => {
    const {playing, step} = scene.state;
    go(playing || step < steps ? step : 0, !playing);
  });
  on(root, "cached", "change", event => scene.set({cached: event.target.checked}));
  on(root, "window", "input", event => scene.set({window: event.target.valueAsNumber}));
}
