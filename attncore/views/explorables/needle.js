// A needle on a strip of keys: what needle.py has drawn, wherever the needle stands.

const LEFT = 128, TOP = 66, WIDE = 14, RELATED = 0.6, SCHEMES = ["all keys", "window", "best block", "best by index"];

/** The score of every key, the needle among them. */
export function scores({hay, block, place, score, related}) {
  const own = Math.floor(place / block);
  return hay.map((one, key) => key === place ? score : related && Math.floor(key / block) === own ? RELATED * score : one);
}

/** True where a number is among the `count` largest; ties go to the earlier one. */
export function best(numbers, count) {
  const better = (one, key) => sum(numbers.map((other, at) => other > one || other === one && at < key ? 1 : 0));
  return numbers.map((one, key) => better(one, key) < count);
}

/** The mean of every `block` numbers. */
export function means(numbers, block) {
  const blocks = Array.from({length: Math.ceil(numbers.length / block)}, (_, at) => numbers.slice(at * block, (at + 1) * block));
  return blocks.map(part => sum(part) / part.length);
}

/** The weights of all keys in each scheme; what isn't read has none. */
export function weights(state) {
  const all = scores(state), {block, errors} = state, chosen = best(means(all, block), 1);
  const read = [
    all.map(() => true),
    all.map((_, key) => key >= all.length - block),
    all.map((_, key) => chosen[Math.floor(key / block)]),
    best(all.map((one, key) => one + errors[key]), block),
  ];
  return read.map(row => softmax(all.map((one, key) => row[key] ? one : -Infinity)));
}

const share = weight => weight ? number(weight) : "not read";

export function picture(state) {
  const parts = {}, {place, score, related} = state, rows = weights(state);
  rows.forEach((row, at) => {
    row.forEach((weight, key) => parts[`cell-${at}-${key}`] = {fill: weight ? weightColor(weight)[0] : "paper"});
    parts[`share-${at}`] = {text: share(row[place])};
  });
  const told = `The needle stands at ${place} and scores ${number(score)}.`;
  const say = `${told} Its weight: ${SCHEMES.map((name, at) => `${name} ${share(rows[at][place])}`).join(", ")}.`;
  parts.needle = {transform: `translate(${LEFT + WIDE * place + 6} ${TOP - 18})`, "aria-valuenow": place};
  parts.says = {text: told};
  parts.score = {value: score};
  parts.related = {checked: related};
  return {...parts, say};
}

export function mount(root, start) {
  const scene = live(root, start, picture), last = start.hay.length - 1;
  const to = place => scene.move({place: clamp(place, 0, last)});
  movable(root, "needle", x => to(Math.floor((x - LEFT) / WIDE)), dx => to(scene.state.place + dx));
  on(root, "score", "input", event => scene.move({score: Number(event.target.value)}));
  on(root, "related", "change", event => scene.move({related: event.target.checked}));
}
