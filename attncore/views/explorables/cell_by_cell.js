// One attention in numbers: every entry, and the sum that made the chosen one.

const WIDTH = 38, HEIGHT = 26, STAGES = ["scores", "scaled", "weights", "output"], COLUMNS = [3, 3, 3, 2];
const TITLES = ["scores", "scaled scores", "weights", "output"];

/** Every stage, each a matrix with a row for each query. */
export function stages({query, key, value, mask, masked, scale}) {
  const scores = matmul(query, transpose(key)), scaled = scores.map(row => row.map(score => scale * score));
  const hidden = mask?.map(row => row.map(allowed => masked && !allowed));
  const weights = scaled.map((row, i) => softmax(row.map((score, j) => hidden?.[i][j] ? -Infinity : score)));
  return {scores, scaled, weights, output: matmul(weights, value), hidden};
}

/** What made an entry: the sentence, a second line of it, and the cells that went in, [matrix, row, column, rows, columns]. */
export function made(state, [name, i, j]) {
  const {scores, scaled, weights, output, hidden} = stages(state), {query, key, value, scale} = state;
  const covered = hidden?.[i][j], pair = `query ${i} and key ${j}`;
  if (name === "scores") return {
    line: `score of ${pair} = ${products(query[i], key[j])} = ${number(scores[i][j])}`,
    from: [["query", i, 0, 1, 2], ["key", 0, j, 2, 1]],
  };
  if (name === "scaled") return {
    line: covered ? `${pair}: hidden by the mask, so the score becomes −∞`
      : `scaled score of ${pair} = ${number(scores[i][j])} · ${number(scale)} = ${number(scaled[i][j])}`,
    from: [["scores", i, j, 1, 1]],
  };
  if (name === "weights") {
    const open = scaled[i].filter((_, k) => !hidden?.[i][k]), raised = open.map(Math.exp);
    const total = raised.map(one => number(one)).join(" + "), powers = open.map(one => `e^${number(one)}`).join(" + ");
    return {
      line: covered ? `weight of ${pair}: hidden by the mask, so it gets nothing`
        : `weight of ${pair} = e^${number(scaled[i][j])} / (${powers})`,
      too: covered ? "" : `= ${number(Math.exp(scaled[i][j]))} / (${total}) = ${number(weights[i][j])}`,
      from: [["scaled", i, 0, 1, 3]],
    };
  }
  return {
    line: `output of query ${i}, column ${j} = ${products(weights[i], column(value, j))} = ${number(output[i][j])}`,
    from: [["weights", i, 0, 1, 3], ["value", 0, j, 3, 1]],
  };
}

export function picture(state) {
  const {query, key, value, theirs, chosen, stage, places, scale} = state, all = stages(state);
  const {scores, scaled, weights, output, hidden} = all, [name, i, j] = chosen;
  const most = Math.max(4, ...scores.flat().map(Math.abs)), signed = score => signedColor(score, most);
  const parts = {
    ...cells("query", query),
    ...cells("key", transpose(key)),
    ...cells("value", value),
    ...cells("scores", scores, {color: signed}),
    ...cells("scaled", scaled, {color: signed, hidden}),
    ...cells("weights", weights, {color: weightColor, hidden}),
    ...cells("output", output),
  };
  STAGES.forEach((one, place) => parts[one] = {display: place <= stage ? "inline" : "none"});
  for (const matrix of ["query", "key", "value"]) state[matrix].forEach((row, a) => row.forEach((one, b) => {
    parts[`${matrix}-field-${a}-${b}`] = {value: one};
  }));
  const {line, too = "", from} = made(state, chosen), [first, second] = from;
  parts["lit-row"] = outline(places, first);
  parts["lit-column"] = {...outline(places, second ?? first), visibility: seen(second)};
  const place = STAGES.indexOf(name), at = sum(COLUMNS.slice(0, place)) + j;
  parts.cursor = {
    transform: `translate(${places[name][0] + WIDTH * j} ${places[name][1] + HEIGHT * i})`,
    "aria-valuenow": at, "aria-valuetext": `${line} ${too}`.trim(),
  };
  parts.made = {text: line};
  parts["made-too"] = {text: too};
  parts.shown = {text: `Stage ${stage + 1} of 4: ${TITLES[stage]}`};
  parts.theirs = {visibility: seen(theirs)};
  if (state.mask) parts.masked = {checked: state.masked};
  const say = `Queries ${vectors(query)}; keys ${vectors(key)}; values ${vectors(value)}. Scores ${vectors(scores)}; ` +
    `times ${number(scale)}: ${vectors(scaled)}; weights ${vectors(weights)}; output ${vectors(output)}. ${line}.`;
  return {...parts, say, told: `${line} ${too}`};
}

function outline(places, [name, row, column, rows, columns]) {
  const [x, y] = places[name];
  return {x: x + WIDTH * column - 2, y: y + HEIGHT * row - 2, width: WIDTH * columns + 2, height: HEIGHT * rows + 2};
}

/** The entry that lies a step to the side, or above or below; the stages stand side by side, up to the one shown. */
export function stepped([name, i, j], across, down, stage) {
  const shown = COLUMNS.slice(0, stage + 1), places = shown.flatMap((count, place) => Array(count).fill(place));
  const at = clamp(sum(COLUMNS.slice(0, STAGES.indexOf(name))) + j + across, 0, places.length - 1);
  return [STAGES[places[at]], clamp(i + down, 0, 2), at - places.indexOf(places[at])];
}

export function mount(root, start) {
  const scene = live(root, start, picture);
  for (const name of STAGES) start.query.forEach((_, i) => [0, 1, 2].slice(0, name === "output" ? 2 : 3).forEach(j => {
    const cell = find(root, `${name}-${i}-${j}`);
    cell.classList.add("point");
    cell.addEventListener("pointerover", () => scene.set({chosen: [name, i, j]}));
  }));
  const walk = (across, down) => () => scene.set({chosen: stepped(scene.state.chosen, across, down, scene.state.stage)});
  onKeys(find(root, "cursor"), {
    ArrowLeft: walk(-1, 0), ArrowRight: walk(1, 0), ArrowUp: walk(0, -1), ArrowDown: walk(0, 1),
  });
  const go = by => () => {
    const stage = (scene.state.stage + by + 4) % 4, [, i, j] = scene.state.chosen;
    scene.set({stage, chosen: [STAGES[stage], i, Math.min(j, COLUMNS[stage] - 1)]});
  };
  on(root, "back", "click", go(-1));
  on(root, "next", "click", go(1));
  if (start.mask) on(root, "masked", "change", event => scene.move({masked: event.target.checked}));
  for (const name of ["query", "key", "value"]) start[name].forEach((row, i) => row.forEach((_, j) => {
    on(root, `${name}-field-${i}-${j}`, "input", event => {
      const typed = event.target.valueAsNumber;
      if (Number.isNaN(typed)) return;
      scene.move({[name]: scene.state[name].with(i, scene.state[name][i].with(j, clamp(typed, -99, 99)))});
    });
  }));
}
