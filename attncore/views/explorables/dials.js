// Rotary positions: four pairs of coordinates as dials, and the score against the distance.

const MOST = 63, CENTERS = [82, 250, 418, 586], MIDDLE = 124, RADIUS = 60, BAR = 40;
const LEFT = 56, RIGHT = 660, TOP = 322, BOTTOM = 436, PAIRS = [0, 1, 2, 3];

/** Radians a position. */
export const speed = ({base}, pair) => base ** (-pair / 4);

/** A vector whose pairs are turned to a position. */
export function turned(state, vector, position) {
  return PAIRS.flatMap(pair => {
    const angle = position * speed(state, pair), [x, y] = vector.slice(2 * pair, 2 * pair + 2);
    return [x * Math.cos(angle) - y * Math.sin(angle), x * Math.sin(angle) + y * Math.cos(angle)];
  });
}

/** What each pair adds to the score. */
export const shares = ([query, key]) =>
  PAIRS.map(pair => dot(query.slice(2 * pair, 2 * pair + 2), key.slice(2 * pair, 2 * pair + 2)));

/** The score of the query so many positions after the key. */
export const scoreAt = (state, distance) => sum(shares([turned(state, state.vectors[0], distance), state.vectors[1]]));

const lengths = vector => PAIRS.map(pair => Math.hypot(...vector.slice(2 * pair, 2 * pair + 2)));
const across = distance => LEFT + (RIGHT - LEFT) * (distance + MOST) / (2 * MOST);
const up = (score, most) => (TOP + BOTTOM) / 2 - (BOTTOM - TOP) / 2 * score / most;
const near = value => Math.round(100 * value) / 100;

export function picture(state) {
  const {vectors: both, positions, most, theirs} = state, parts = {};
  const hands = both.map((vector, row) => turned(state, vector, positions[row])), each = shares(hands), score = sum(each);
  const longest = Math.max(...both.flatMap(lengths)) || 1, length = (RADIUS - 4) / longest;
  PAIRS.forEach(pair => {
    const x = CENTERS[pair], tip = hand => [x + length * hand[2 * pair], MIDDLE - length * hand[2 * pair + 1]];
    ["query", "key"].forEach((name, row) => {
      const [endX, endY] = tip(hands[row]), [atX, atY] = theirs ? tip(theirs[row]) : [endX, endY];
      parts[`${name}-${pair}`] = {d: arrow(x, MIDDLE, endX, endY)};
      parts[`theirs-${name}-${pair}`] = {transform: `translate(${near(atX)} ${near(atY)})`, visibility: seen(theirs)};
    });
    parts[`bar-${pair}`] = {x: x + Math.min(0, each[pair] / most) * BAR, width: BAR * Math.abs(each[pair]) / most};
    parts[`share-${pair}`] = {text: number(each[pair])};
  });
  const all = sum(PAIRS.map(pair => lengths(both[0])[pair] * lengths(both[1])[pair])) || 1;
  const distances = Array.from({length: 2 * MOST + 1}, (_, place) => place - MOST), apart = positions[0] - positions[1];
  parts.curve = {d: path(distances.map(distance => [across(distance), up(scoreAt(state, distance), all)]))};
  parts.now = {cx: across(apart), cy: up(score, all)};
  parts.score = {text: `Score ${number(score)}`};
  parts.sum = {text: `= ${each.map(one => one >= 0 ? number(one) : `(${number(one)})`).join(" + ")}`};
  parts.legend = {visibility: seen(theirs)};
  ["query-at", "key-at"].forEach((part, row) => {
    parts[part] = {value: positions[row]};
    parts[`${part}-says`] = {text: `${positions[row]}`};
  });
  parts.earlier = {disabled: Math.min(...positions) === 0};
  parts.later = {disabled: Math.max(...positions) === MOST};
  const added = each.map((one, pair) => `pair ${pair} adds ${number(one)}`).join(", ");
  const say = `The query at ${positions[0]}, the key at ${positions[1]}, ${number(apart)} apart: ${added}; score ${number(score)}.`;
  return {...parts, say};
}

export function mount(root, start) {
  const scene = live(root, start, picture), go = positions => scene.move({positions});
  ["query-at", "key-at"].forEach((part, row) =>
    on(root, part, "input", event => go(scene.state.positions.with(row, event.target.valueAsNumber))));
  on(root, "earlier", "click", () => go(scene.state.positions.map(place => place - 1)));
  on(root, "later", "click", () => go(scene.state.positions.map(place => place + 1)));
}
