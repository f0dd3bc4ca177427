// One query, three keys, three values: what arrows.py has drawn, for any numbers.

const HALF = 92, KEYS_AT = 106, VALUES_AT = 574, MIDDLE = 132, BARS = 222, BAR = 112;

/** All that is worked out for one query. */
export function attend({query, keys, values, scale}) {
  const scores = keys.map(key => dot(query, key)), scaled = scores.map(score => scale * score);
  const weights = softmax(scaled);
  return {scores, scaled, weights, output: matmul([weights], values)[0]};
}

const gripped = (x, y, [a, b]) => ({
  transform: `translate(${x} ${y})`, "aria-valuenow": a, "aria-valuetext": `${number(a)}, ${number(b)}`,
});

const keyPlace = ({reach}, [x, y]) => [KEYS_AT + HALF / reach * x, MIDDLE - HALF / reach * y];

function valuePlace({ground: [low, high]}, [x, y]) {
  const unit = 2 * HALF / (high - low);
  return [VALUES_AT - HALF + unit * (x - low), MIDDLE + HALF - unit * (y - low)];
}

export function picture(state) {
  const {query, keys, values, scale, theirs} = state, {scores, scaled, weights, output} = attend(state);
  const raised = scaled.map(Math.exp), most = Math.max(4, ...scaled.map(Math.abs));
  const parts = {};
  [["query", query], ...keys.map((key, token) => [`key-${token}`, key])].forEach(([name, numbers]) => {
    const [x, y] = keyPlace(state, numbers);
    parts[`${name}-arrow`] = {d: arrow(KEYS_AT, MIDDLE, x, y)};
    parts[name] = gripped(x, y, numbers);
    const length = Math.hypot(...numbers), [dx, dy] = numbers.map(one => length ? 16 * one / length : 0);
    parts[`${name}-label`] = {x: dx, y: length ? 5 - dy : -11};
  });
  keys.forEach((key, token) => {
    parts[`score-${token}`] = {text: `q·k${token} = ${products(query, key)} = ${number(scores[token])}`};
    const length = BAR / 2 / most * scaled[token];
    parts[`scaled-${token}`] = {x: BARS + BAR / 2 + Math.min(length, 0), width: Math.abs(length)};
    parts[`scaled-${token}-says`] = {text: `× ${number(scale)} = ${number(scaled[token])}`};
    parts[`weight-${token}`] = {width: BAR * weights[token]};
    parts[`weight-${token}-says`] = {
      text: `${number(raised[token])} / ${number(sum(raised))} = ${number(weights[token])}`,
    };
  });
  const [x, y] = valuePlace(state, output), corners = values.map(value => valuePlace(state, value));
  corners.forEach((corner, token) => {
    parts[`dot-${token}`] = {cx: corner[0], cy: corner[1]};
    parts[`value-${token}`] = gripped(...corner, values[token]);
    parts[`tie-${token}`] = {d: path([[x, y], corner]), "stroke-width": 10 * weights[token]};
  });
  parts.triangle = {d: path(corners) + "Z"};
  parts.output = {cx: x, cy: y};
  const [a, b] = theirs ? valuePlace(state, theirs[0].map(one => clamp(one, ...state.ground))) : [x, y];
  parts.theirs = {transform: `translate(${a} ${b})`, visibility: seen(theirs)};
  parts.legend = {text: theirs ? "◇ what your function gives" : "lines as thick as the weights"};
  const added = weights.map((weight, token) => `${number(weight)}·${vector(values[token])}`).join(" + ");
  parts.sum = {text: `output = ${added} = ${vector(output)}`};
  const say = `Query ${vector(query)} and keys ${vectors(keys)}. Scores ${vector(scores)}, times ${number(scale)}; ` +
    `weights ${vector(weights)}. Output ${vector(output)}, inside the triangle of the values ${vectors(values)}.`;
  return {...parts, say};
}

export function mount(root, start) {
  const scene = live(root, start, picture);
  const {reach, ground: [low, high]} = start, halves = value => Math.round(2 * value) / 2;
  const grip = (part, get, put, low, high, place) => {
    const to = (x, y) => scene.move(put([clamp(halves(x), low, high), clamp(halves(y), low, high)]));
    const [left, bottom] = place(start, [0, 0]), unit = place(start, [1, 0])[0] - left;
    movable(root, part, (x, y) => to((x - left) / unit, (bottom - y) / unit), (dx, dy) => {
      const [x, y] = get();
      to(x + dx / 2, y + dy / 2);
    });
  };
  grip("query", () => scene.state.query, query => ({query}), -reach, reach, keyPlace);
  start.keys.forEach((_, token) => {
    const among = (name, one) => ({[name]: scene.state[name].with(token, one)});
    grip(`key-${token}`, () => scene.state.keys[token], one => among("keys", one), -reach, reach, keyPlace);
    grip(`value-${token}`, () => scene.state.values[token], one => among("values", one), low, high, valuePlace);
  });
}
