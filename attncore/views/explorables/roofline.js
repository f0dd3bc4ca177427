// The roofline of a GPU, and where the parts of a model stand under it.

const MODEL = 8192, HEADS = 128, HEAD = 128, GROUP = 8, LATENT = 512, ROTARY = 64;
const LEFT = 64, RIGHT = 660, TOP = 40, BOTTOM = 268, STEM = 24;
const LOWEST = -1, HIGHEST = 17, LEAST = 11.8, MOST = 15.8;
const NAMES = {
  A: "matrix products, decode", B: "matrix products, prefill", C: "attention, decode, MHA",
  D: `attention, decode, GQA of ${GROUP} to one`, E: `attention, decode, MLA, ${HEADS} heads`,
  F: "attention, prefill, in tiles", G: "attention, prefill, scores written out",
};

/** Floating-point operations for each byte that is moved, two bytes a number. */
export function intensities({batch, tokens}) {
  const product = rows => rows * MODEL / (MODEL + 2 * rows);
  return {
    A: product(batch), B: product(tokens), C: 1, D: GROUP, E: HEADS * (2 * LATENT + ROTARY) / (LATENT + ROTARY),
    F: tokens / 2, G: tokens * HEAD / (2 * HEAD + 2 * tokens),
  };
}

/** Operations a second: what the memory feeds, or all that the GPU has. */
export const reached = ({cards, card}, intensity) => Math.min(cards[card][0], intensity * cards[card][1]);

const across = intensity => LEFT + (RIGHT - LEFT) * (Math.log2(intensity) - LOWEST) / (HIGHEST - LOWEST);
const up = rate => BOTTOM - (BOTTOM - TOP) * (Math.log10(rate) - LEAST) / (MOST - LEAST);
const short = value => number(value, value < 99.95 ? 1 : 0);

/** How many places each dot hangs below the roof, so that none covers another. */
export function hung(state) {
  const places = Object.entries(intensities(state)).map(([name, intensity]) => [name, across(intensity)]), found = {};
  places.forEach(([name, x], place) => {
    const taken = places.slice(0, place).filter(([, other]) => Math.abs(other - x) < STEM).map(([other]) => found[other]);
    let level = 0;
    while (taken.includes(level)) level++;
    found[name] = level;
  });
  return found;
}

export function picture(state) {
  const {card, cards, batch, tokens} = state, [flops, bytes] = cards[card], ridge = flops / bytes, parts = {}, told = [];
  const ends = [2 ** LOWEST, ridge, 2 ** HIGHEST], x = across(ridge);
  parts.roof = {d: path(ends.map(end => [across(end), up(reached(state, end))]))};
  parts.ridge = {d: path([[x, up(flops)], [x, BOTTOM]])};
  parts["ridge-says"] = {x: x + 6, text: `ridge: ${number(ridge, 0)}`};
  const levels = hung(state);
  for (const [name, intensity] of Object.entries(intensities(state))) {
    const at = across(intensity), roof = up(reached(state, intensity)), low = roof + STEM * levels[name];
    parts[`stem-${name}`] = {d: path([[at, roof], [at, low]])};
    parts[`dot-${name}`] = {transform: `translate(${Math.round(100 * at) / 100} ${Math.round(100 * low) / 100})`};
    const limit = intensity < ridge ? "memory" : "arithmetic";
    parts[`intensity-${name}`] = {text: short(intensity)};
    parts[`rate-${name}`] = {text: short(reached(state, intensity) / 1e12)};
    parts[`limit-${name}`] = {text: limit};
    told.push(`${NAMES[name]}: ${short(intensity)} FLOPs a byte, limited by ${limit}`);
  }
  const some = (part, value, words) => {
    parts[part] = {value: Math.log2(value), "aria-valuetext": words};
    parts[`${part}-says`] = {text: words};
  };
  parts.card = {value: card};
  some("batch", batch, `${batch}`);
  some("tokens", tokens, String(tokens).replace(/\B(?=(\d{3})+$)/g, ","));
  const say = `The roofline of ${card}, its ridge at ${number(ridge, 0)} FLOPs a byte, batch ${batch}, a prompt of ` +
    `${tokens} tokens. ${told.join("; ")}.`;
  return {...parts, say};
}

export function mount(root, start) {
  const scene = live(root, start, picture);
  on(root, "card", "change", event => scene.move({card: event.target.value}));
  for (const part of ["batch", "tokens"]) on(root, part, "input", event => scene.move({[part]: 2 ** event.target.valueAsNumber}));
}
