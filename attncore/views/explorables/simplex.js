// Three weights as a point in a triangle, for any scores, temperature and mask.

const BARS = 410, BAR = 130, BLOCK = 84;

export const weightsAt = ({scores, hidden}, temperature) =>
  softmax(scores.map((score, key) => hidden[key] ? -Infinity : score / temperature));

export const entropy = weights => sum(weights.map(weight => weight > 0 ? -weight * Math.log2(weight) : 0));

const place = ({corners}, weights) => matmul([weights], corners)[0];
const onSimplex = weights => weights.every(weight => weight >= 0) && Math.abs(sum(weights) - 1) < 0.01;
const diamond = (x, y, shown) => ({transform: `translate(${x} ${y})`, visibility: seen(shown)});

export function picture(state) {
  const {scores, octaves, hidden, theirs, temperatures} = state, temperature = 2 ** octaves;
  const weights = weightsAt(state, temperature), point = place(state, weights), parts = {};
  const raised = scores.map((score, key) => hidden[key] ? 0 : Math.exp(score / temperature));
  scores.forEach((score, key) => {
    const given = number(score), warmth = number(temperature), covered = hidden[key];
    parts[`power-${key}`] = {text: covered ? "e^(−∞) = 0, hidden" : `e^(${given} / ${warmth}) = ${number(raised[key])}`};
    parts[`share-${key}`] = {text: `${number(raised[key])} / ${number(sum(raised))} = ${number(weights[key])}`};
    parts[`bar-${key}`] = {width: BAR * weights[key]};
    parts[`theirs-${key}`] = diamond(BARS + BAR * clamp(theirs?.[key] ?? 0, 0, 1.2), 97 + BLOCK * key, theirs);
    parts[`score-${key}`] = {value: score};
    parts[`hide-${key}`] = {checked: covered, disabled: !covered && hidden.filter(Boolean).length === 2};
  });
  const along = temperatures.map(one => place(state, weightsAt(state, one)));
  parts.path = {d: path(along)};
  for (const [part, [x, y]] of [["cold", along[0]], ["hot", along.at(-1)]]) parts[part] = {x: x + 10, y: y - 8};
  parts.point = {cx: point[0], cy: point[1]};
  const shown = theirs !== null && onSimplex(theirs);
  parts.theirs = diamond(...(shown ? place(state, theirs) : point), shown);
  parts.legend = {visibility: seen(theirs)};
  parts.octaves = {value: octaves, "aria-valuetext": number(temperature)};
  const most = Math.log2(hidden.filter(one => !one).length);
  parts.bits = {text: `entropy ${number(entropy(weights))} of at most ${number(most)} bits`};
  const without = hidden.flatMap((covered, key) => covered ? [`key ${key}`] : []).join(" and ");
  const say = `Scores ${vector(scores)} at temperature ${number(temperature)}${without && ` with ${without} hidden`} give ` +
    `the weights ${vector(weights)}: entropy ${number(entropy(weights))} of at most ${number(most)} bits.`;
  return {...parts, say};
}

export function mount(root, start) {
  const scene = live(root, start, picture);
  start.scores.forEach((_, key) => {
    const changed = (name, one) => scene.move({[name]: scene.state[name].with(key, one)});
    on(root, `score-${key}`, "input", event => changed("scores", event.target.valueAsNumber));
    on(root, `hide-${key}`, "change", event => changed("hidden", event.target.checked));
  });
  on(root, "octaves", "input", event => scene.move({octaves: event.target.valueAsNumber}));
}
