// Flash attention tile by tile: Python has computed every step, this shows them.

const N = 8, BLOCK = 2, BLOCKS = 4, BAR = 330, PAUSE = 1200;
const COLORS = {now: "orange", before: "blue", later: "wash", hidden: "paper"};

const run = ({runs, causal}) => runs[causal ? "causal" : "all"];
const two = block => `${BLOCK * block} and ${BLOCK * block + 1}`;
const score = value => value === null ? "" : number(value, 1);

/** What has become of a tile: computed now or before, still to come, or hidden and never computed. */
export function kind(state, r, c) {
  if (state.causal && c > r) return "hidden";
  const at = run(state).findIndex(({tile}) => tile[0] === r && tile[1] === c);
  return at === state.step ? "now" : at < state.step ? "before" : "later";
}

/** The running sums of a row, in words. */
export function row(state, place) {
  const {tile: [r], scores, old, maximum, factor, sum: total, accumulator, output} = run(state)[state.step];
  const before = old[place], after = maximum[place], changed = before === null || after > before;
  const was = before === null ? "−∞" : number(before), by = before === null ? "−∞" : number(before - after);
  const summed = vector(accumulator[place]);
  return {
    query: `${BLOCK * r + place}`, scores: scores[place].map(one => score(one) || "hidden").join(", "),
    maximum: changed ? `${was} → ${number(after)}` : number(after),
    factor: changed ? `e^(${by}) = ${number(factor[place])}` : "1", sum: number(total[place]),
    accumulator: output ? `${summed}, out ${vector(output[place])}` : summed,
  };
}

export function picture(state) {
  const {step, causal, playing, plain} = state, steps = run(state), {tile: [r, c], scores, output, moved} = steps[step];
  const parts = {};
  for (let i = 0; i < N; i++) for (let j = 0; j < N; j++) {
    const at = [Math.floor(i / BLOCK), Math.floor(j / BLOCK)], here = at[0] === r && at[1] === c;
    parts[`cell-${i}-${j}`] = {fill: COLORS[kind(state, ...at)]};
    parts[`cell-${i}-${j}-hatch`] = {visibility: seen(causal && j > i)};
    parts[`cell-${i}-${j}-says`] = {text: here ? score(scores[i % BLOCK][j % BLOCK]) : ""};
  }
  const done = steps.slice(0, step + 1).filter(each => each.output).length;
  for (let block = 0; block < BLOCKS; block++) {
    parts[`Q-${block}`] = {fill: block === r && c === 0 ? "orange" : "blue"};
    for (const name of "KV") parts[`${name}-${block}`] = {fill: block === c ? "orange" : "blue"};
    parts[`O-${block}`] = {fill: output && block === done - 1 ? "orange" : block < done ? "blue" : "wash"};
  }
  for (const [name, block] of [["Q", r], ["K", c], ["V", c]]) parts[`held-${name}`] = {text: `${name} block ${block}`};
  const came = c === 0 ? `Queries ${two(r)}, keys and values ${two(c)} come in.` : `Keys and values ${two(c)} come in.`;
  const left = output ? `Outputs ${two(r)} are divided by the sum and go out.` : "The sums stay here, and no output goes out yet.";
  [came, `${BLOCK * BLOCK} scores exist, then the next tile takes their place.`, left]
    .forEach((line, i) => parts[`kept-${i}`] = {text: line});
  const rows = [0, 1].map(place => row(state, place));
  rows.forEach((told, place) => {
    for (const [name, words] of Object.entries(told)) parts[`${name}-${place}`] = {text: words};
  });
  parts["tiled-bar"] = {width: BAR * moved / plain};
  parts["tiled-says"] = {text: number(moved)};
  parts.back = {disabled: !step};
  parts.next = {disabled: step === steps.length - 1};
  parts.play = {text: playing ? "Pause" : "Play"};
  parts.causal = {checked: causal};
  const each = rows.map(told => `query ${told.query}: scores ${told.scores}, maximum ${told.maximum}, ` +
    `rescaled by ${told.factor}, sum ${told.sum}, accumulator ${told.accumulator}`).join("; ");
  const head = `Tile ${step + 1} of ${steps.length}${causal ? " with a causal mask" : ""}: queries ${two(r)}, keys ${two(c)}. `;
  const say = `${head}${each}. ${moved} numbers moved so far, where the plain computation moves ${plain} in all.`;
  return {...parts, say, told: `${head}${each}.`};
}

export function mount(root, start) {
  const scene = live(root, start, picture), last = () => run(scene.state).length - 1;
  let waiting;
  const go = (step, playing) => {
    clearTimeout(waiting);
    scene.set({step: clamp(step, 0, last()), playing: playing && step < last()});
    if (scene.state.playing) waiting = setTimeout(() => scene.state.playing && go(scene.state.step + 1, true), PAUSE);
  };
  on(root, "back", "click", () => go(scene.state.step - 1, false));
  on(root, "next", "click", () => go(scene.state.step + 1, false));
  on(root, "play", "click", () => {
    const {playing, step} = scene.state;
    go(playing || step < last() ? step : 0, !playing);
  });
  on(root, "causal", "change", event => {
    clearTimeout(waiting);
    scene.set({causal: event.target.checked, step: 0, playing: false});
  });
}
