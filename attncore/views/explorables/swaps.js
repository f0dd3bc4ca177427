// Where the numbers go when heads are split: what swaps.py has drawn, for any moment in between.

const WIDE = 66, HIGH = 30, GAP = 14, TOP = 76, LEFT = {right: 16, wrong: 392};

/** Token, head and place in the head of the number that stands at `flat` in memory. */
export const named = ({h, w}, flat) => [Math.floor(flat / (h * w)), Math.floor(flat / w) % h, flat % w];

/** Where each number stands in the result, [block, row, column]: reshape and transpose; reshape alone; the learner's. */
export function results({n, h, w, theirs}) {
  const flats = Array.from({length: n * h * w}, (_, flat) => flat);
  const right = flats.map(flat => {
    const [token, head, column] = named({h, w}, flat);
    return [head, token, column];
  });
  const wrong = theirs ? flats.map(() => null) : flats.map(flat => [Math.floor(flat / (n * w)), Math.floor(flat / w) % n, flat % w]);
  theirs?.forEach((block, b) => block.forEach((row, r) => row.forEach((flat, c) => wrong[flat] = [b, r, c])));
  return {right, wrong};
}

/** Where each number is drawn, [x, y], at a moment from 0 to 2. */
export function places(state, side, step) {
  const {n, h, w} = state, ends = results(state)[side];
  const at = (flat, moment) => {
    const [token, head, column] = named(state, flat), [block, row, end] = ends[flat];
    const whole = [WIDE * (w * head + column), HIGH * token], cut = [whole[0] + GAP * head, whole[1]];
    const split = [WIDE * end, HIGH * row + (n * HIGH + GAP + 14) * block];
    return [[whole, cut, split], [whole, split, split]][side === "right" ? 0 : 1][moment];
  };
  return ends.map((_, flat) => {
    const before = Math.min(Math.floor(step), 1), share = step - before, from = at(flat, before), to = at(flat, before + 1);
    return [0, 1].map(axis => [LEFT[side], TOP][axis] + from[axis] + share * (to[axis] - from[axis]));
  });
}

/** Which heads a block of the result has numbers of. */
export function mixed(state, side, block) {
  const heads = results(state)[side].flatMap(([at], flat) => at === block ? [named(state, flat)[1]] : []);
  return [...new Set(heads)].sort();
}

/** The numbers of x in the order in which the result is read. */
export function order(state, side) {
  const {n, w} = state, key = ([block, row, column]) => (block * n + row) * w + column;
  return results(state)[side].map((place, flat) => [key(place), flat]).sort(([a], [b]) => a - b).map(([, flat]) => flat);
}

const TITLES = {
  right: ["x", "reshape to (n, h, w)", "then transpose to (h, n, w)"],
  wrong: ["x", "reshape to (h, n, w)", "reshape to (h, n, w)"],
};

export function picture(state) {
  const {n, h, w, theirs, step, chosen} = state, parts = {}, moment = Math.round(step), ends = results(state);
  const shapes = [`(${n}, ${h * w})`, `(${n}, ${h}, ${w})`, `(${h}, ${n}, ${w})`], told = [];
  for (const side of ["right", "wrong"]) {
    const end = side === "right" ? 2 : 1, at = places(state, side, step);
    at.forEach(([x, y], flat) => parts[`${side}-${flat}`] = {transform: `translate(${x} ${y})`});
    const title = side === "wrong" && theirs && moment > 0 ? "your function" : TITLES[side][moment];
    const shape = shapes[moment && side === "wrong" ? 2 : moment];
    parts[`${side}-title`] = {text: `${title}: ${shape}`};
    for (let block = 0; block < h; block++) {
      const heads = mixed(state, side, block), words = `block ${block}: ${heads.length > 1 ? "heads" : "head"} ${heads.join(" and ")}`;
      parts[`${side}-block-${block}`] = {text: step >= end ? words : ""};
      if (step >= end) told.push(words);
    }
    parts[`${side}-order`] = {text: `read in order: ${(step >= end ? order(state, side) : at.map((_, flat) => flat)).join(" ")}`};
    const [x, y] = at[chosen];
    parts[`${side}-lit`] = {x: x - 3, y: y - 3};
  }
  const [token, head, column] = named(state, chosen), index = place => `[${place.join(", ")}]`;
  const says = `Token ${token}, head ${head}, number ${column} is x[${token}, ${w * head + column}], number ${chosen} in memory.`;
  const goes = `It belongs at ${index(ends.right[chosen])}. ` +
    `${theirs ? "Your function" : "Reshape alone"} puts it at ${index(ends.wrong[chosen])}.`;
  parts.says = {text: says};
  parts.goes = {text: goes};
  const [x, y] = places(state, "right", step)[chosen];
  parts.cursor = {x: x - 6, y: y - 6, "aria-valuenow": chosen, "aria-valuetext": `${says} ${goes}`};
  parts.step = {value: step, "aria-valuetext": TITLES.right[moment]};
  parts.back = {disabled: step === 0};
  parts.next = {disabled: step === 2};
  const left = parts["right-title"].text, other = parts["wrong-title"].text;
  const say = `${n * h * w} numbers of ${n} tokens, ${h} heads of ${w}. Left: ${left}, ${parts["right-order"].text}. ` +
    `Right: ${other}, ${parts["wrong-order"].text}. ${told.length ? `${told.join("; ")}. ` : ""}${says} ${goes}`;
  return {...parts, say};
}

export function mount(root, start) {
  const scene = live(root, start, picture), count = start.n * start.h * start.w;
  let moving;
  const stop = () => clearInterval(moving);
  const go = by => () => {
    stop();
    const from = scene.state.step, to = clamp(by > 0 ? Math.floor(from) + 1 : Math.ceil(from) - 1, 0, 2);
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return scene.set({step: to});
    moving = setInterval(() => {
      const left = to - scene.state.step, next = Math.abs(left) <= 0.05 ? to : scene.state.step + 0.05 * Math.sign(left);
      scene.set({step: next});
      if (next === to) stop();
    }, 25);
  };
  on(root, "back", "click", go(-1));
  on(root, "next", "click", go(1));
  on(root, "reset", "click", stop);
  on(root, "step", "input", event => {
    stop();
    scene.set({step: Number(event.target.value)});
  });
  for (const side of ["right", "wrong"]) for (let flat = 0; flat < count; flat++) {
    find(root, `${side}-${flat}`).addEventListener("pointerover", () => scene.set({chosen: flat}));
  }
  const walk = by => () => scene.set({chosen: clamp(scene.state.chosen + by, 0, count - 1)}), row = start.h * start.w;
  onKeys(find(root, "cursor"), {ArrowLeft: walk(-1), ArrowRight: walk(1), ArrowUp: walk(-row), ArrowDown: walk(row)});
}
