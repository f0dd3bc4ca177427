// A whole Transformer: what whole.py has drawn, for any of its parts exchanged.

const BAR = 54, CHART = {x: 466, y: 446, width: 200, height: 86};
const WIDTHS = [64, 128, 256, 384, 512, 768, 1024, 2048, 4096, 8192], ROWS = 8;
const LABELS = {"learned": "learned positions", "sinusoidal": "sinusoidal positions", "rotary": "rotary"};

export const shape = (...lengths) => `(${lengths.join(", ")})`;
export const thousands = count => String(count).replace(/\B(?=(\d{3})+$)/g, ",");

/** A count to read: 124.4 M. */
export function amount(count) {
  const [unit, word, digits] = [[1e9, " B", 2], [1e6, " M", 1], [1e3, " K", 1]].find(([one]) => count >= one) ?? [1, "", 0];
  return number(count / unit, digits) + word;
}

export const divisors = (m, most = 128) => Array.from({length: most}, (_, i) => i + 1).filter(one => m % one === 0);
const inner = ({ratio, m}) => Math.round(ratio * m);

/** The numbers that one part of one block learns. */
export function inBlock({m, h, g, bias, rms, mlp, ratio}) {
  const f = inner({ratio, m}), shared = m / h * g;
  return {
    attention: 2 * m * m + 2 * m * shared + (bias ? 2 * m + 2 * shared : 0),
    cross: 4 * m * m + (bias ? 4 * m : 0),
    mlp: mlp === "SwiGLU" ? 3 * m * f : 2 * m * f + (bias ? f + m : 0),
    norm: rms ? m : 2 * m,
  };
}

/** The numbers that the whole model learns, by part. */
export function parameters(state) {
  const {n, m, c, layers, cross, types, embeddingNorm, norm, position, patch, tied} = state, one = inBlock(state);
  const stacks = cross ? 2 : 1, norms = (cross ? 5 : 2) * layers + (norm === "before" ? stacks : 0) + embeddingNorm;
  return {
    embedding: patch ? patch * m + 2 * m : (c + types) * m,
    positions: position === "learned" ? stacks * n * m : 0,
    attention: stacks * layers * one.attention,
    "cross-attention": cross ? layers * one.cross : 0,
    "feed-forward": stacks * layers * one.mlp,
    norms: norms * one.norm,
    output: tied ? 0 : m * c + (patch ? c : 0),
  };
}

const SUBLAYERS = {a: ["attention", "mlp"], b: ["attention", "cross", "mlp"]};
const columns = ({cross, at}) => cross ? {a: at.a, b: at.b} : {a: at.alone};

/** Everything that can be looked at, in the order of a forward pass. */
export function boxes({cross, norm, position}) {
  const of = name => [
    "embed",
    ...position === "rotary" ? [] : ["position"],
    ...SUBLAYERS[name].flatMap(part => {
      const turned = part === "attention" && position === "rotary" ? ["position"] : [];
      return norm === "before" ? [`${part}-norm`, ...turned, part, `${part}-add`]
        : [...turned, part, `${part}-add`, `${part}-norm`];
    }),
    ...norm === "before" ? ["final"] : [],
    ...cross && name === "a" ? [] : ["head"],
  ].map(one => `${name}-${one}`);
  return cross ? [...of("a"), ...of("b")] : of("a");
}

/** What there is to say of a box: a title, the formula, the shapes, the number of parameters and the lesson. */
export function detail(state, box) {
  const {n, m, h, g, c, cross, causal, position, patch, tied, rms, mlp, norm, layers, bias, back} = state;
  const d = m / h, f = inner(state), one = inBlock(state), all = shape(n, m), [column, ...rest] = box.split("-");
  const part = rest.join("-"), seesAhead = column === "a" && cross || !causal;
  const each = count => `${thousands(count)} parameters a block`;
  const b = bias ? [" + b_in", " + b_out"] : ["", ""];
  if (part === "embed") return patch ? {
    title: "patches", formula: ["x = [class token; patches W + b]"], lesson: "vision", learned: "embedding",
    shapes: [`patches ${shape(n - 1, patch)}`, `W ${shape(patch, m)}`, `x ${all}, the class token first`],
  } : {
    title: "embedding", formula: ["x = E[ids], a row for each id"], lesson: "transformer", learned: "embedding",
    shapes: [`ids ${shape(n)}`, `E ${shape(c, m)}`, `x ${all}`],
  };
  if (part === "position") return {
    title: LABELS[position],
    formula: {
      learned: ["x + P, a learned row for each place"], sinusoidal: ["x + P, sines and cosines"],
      rotary: ["pairs of Q and K turn by their place,", "in every block; V stays"],
    }[position],
    shapes: position === "rotary" ? [`Q ${shape(h, n, d)}`, `K ${shape(g, n, d)}`] : [`P ${all}`, `x ${all}`],
    learned: "positions", lesson: "positions",
  };
  if (part === "final" || part.endsWith("-norm")) return {
    title: (part === "final" ? "final " : "") + (rms ? "RMSNorm" : "layer norm"),
    formula: rms ? ["g · x / √(mean of x² + ε)"] : ["g · (x − mean) / √(variance + ε) + b"],
    shapes: [`x ${all}`, rms ? `g ${shape(m)}` : `g, b ${shape(m)}`, "each token by itself",
      part === "final" ? "after the last block" : norm === "before" ? "in the branch: the trunk stays whole"
        : "on the trunk: the sum is normalized"],
    learned: `${thousands(one.norm)} parameters`, lesson: back ? "gradients" : "transformer",
  };
  if (part.endsWith("-add")) return {
    title: "addition",
    formula: back ? ["the gradient goes on along the trunk,", "and a copy of it into the branch"]
      : ["x + what the branch has found"],
    shapes: [`trunk ${all}`, `branch ${all}`], learned: "nothing to learn",
    lesson: back ? "gradients" : "transformer",
  };
  if (part === "attention") return {
    title: g < h ? g === 1 ? "multi-query attention" : "grouped-query attention" : "attention",
    formula: [`softmax(Q Kᵀ / √${number(d)}${seesAhead ? "" : " + mask"}) V`, "heads side by side, times W_output"],
    shapes: [`Q ${shape(h, n, d)}`, `K, V ${shape(g, n, d)}`,
      `weights ${shape(h, n, n)}`, seesAhead ? "every token sees every token" : "causal: no token sees a later one"],
    learned: each(one.attention), lesson: back ? "gradients" : g < h ? "shared_heads" : "heads",
  };
  if (part === "cross") return {
    title: "cross-attention", formula: ["as attention; K and V come from", "the encoder's output, the memory"],
    shapes: [`Q ${shape(h, n, d)}`, `K, V ${shape(h, n, d)}, of the memory`, `weights ${shape(h, n, n)}`],
    learned: each(one.cross), lesson: "transformer",
  };
  if (part === "mlp") return {
    title: "feed-forward",
    formula: {
      ReLU: [`max(0, x W_in${b[0]}) W_out${b[1]}`], GELU: [`GELU(x W_in${b[0]}) W_out${b[1]}`],
      SwiGLU: ["(SiLU(x W_gate) · (x W_up)) W_down"],
    }[mlp],
    shapes: [`x ${all}`, `inside ${mlp === "SwiGLU" ? "twice " : ""}${shape(n, f)}`, `out ${all}`,
      "each token by itself"],
    learned: each(one.mlp), lesson: back ? "gradients" : "transformer",
  };
  return {
    title: patch ? "classes" : "logits",
    formula: [patch ? "class token W + b" : tied ? "x Eᵀ, with the embedding's E" : "x W"],
    shapes: [`x ${patch ? shape(m) : all}`, `out ${patch ? shape(c) : shape(n, c)}`], learned: "output",
    lesson: patch ? "vision" : "transformer",
  };
}

/** A way with corners, and an arrowhead at its end, or at its beginning where the gradient comes back. */
export function route(points, back) {
  const way = back ? points.toReversed() : points, [[x, y], [toX, toY]] = way.slice(-2);
  return path(way) + arrow(x, y, toX, toY, 7);
}

/** The parts of one stack of blocks: the trunk, its branches and what stands on them. */
export function stack(state, name, at) {
  const {n, m, h, g, c, cross, causal, position, patch, norm, mlp, rms, back} = state, {trunk, left, width} = at;
  const middle = left + width / 2, side = at.side, d = m / h, f = inner(state), all = shape(n, m), parts = {};
  const put = (part, x, y) => parts[`${name}-${part}`] = {transform: `translate(${x} ${y})`};
  const open = name === "a" && cross || !causal, roomy = !cross;
  parts[`${name}-trunk`] = {d: path([[trunk, 516], [trunk, at.top]]), stroke: back ? "pink" : "blue"};
  parts[`${name}-end`] = {
    d: back ? arrow(trunk, 480, trunk, 514, 12) : arrow(trunk, 96, trunk, at.top, 12), stroke: back ? "pink" : "blue",
    visibility: seen(back || !(cross && name === "a")),
  };
  for (const part of SUBLAYERS[name]) {
    const y = at.slots[part], box = y + at.box;
    put(part, left, box);
    parts[`${name}-${part}-box`] = {width};
    put(`${part}-add`, trunk, y + at.add);
    put(`${part}-norm`, ...norm === "before" ? [middle, y + at.pill] : [trunk, y + at.after]);
    parts[`${name}-${part}-norm-says`] = {text: rms ? "RMSNorm" : "norm"};
    parts[`${name}-${part}-in`] = {d: route([[trunk, y + at.leave], [middle, y + at.leave], [middle, box + at.height + 1]], back)};
    parts[`${name}-${part}-out`] = {d: route([[middle, box - 1], [middle, y + at.add], [trunk + 10 * side, y + at.add]], back)};
  }
  parts[`${name}-attention-says`] = {text: g < h ? g === 1 ? "multi-query attention" : "grouped-query attention" : "attention"};
  if (!roomy) parts[`${name}-attention-says`] = {text: "attention"};
  parts[`${name}-attention-more`] = {
    text: roomy ? `Q ${shape(h, n, d)}  K, V ${shape(g, n, d)}` : `${h} heads of ${number(d)}`,
  };
  parts[`${name}-attention-most`] = {text: roomy ? `weights ${shape(h, n, n)}` : name === "a" && g < h ? `${g} K, V heads` : ""};
  const scale = roomy ? 1 : 0.75;
  parts[`${name}-mask`] = {transform: `translate(${width - 3 - 36 * scale} ${at.height / 2 - 18 * scale}) scale(${scale})`};
  parts[`${name}-mask-open`] = {d: open ? "M0 0H36V36H0Z" : "M0 0H9V9H18V18H27V27H36V36H0Z"};
  parts[`${name}-mlp-more`] = {text: roomy ? `${mlp}, inner width ${f}` : `inside ${f} wide`};
  parts[`${name}-mlp-most`] = {text: roomy ? `${all} → ${shape(n, f)} → ${all}` : name === "a" ? mlp : ""};
  if (position === "rotary") put("position", left + 34, at.slots.attention + at.box - 5);
  else put("position", trunk + 92 * side, 488);
  parts[`${name}-position-box`] = {x: position === "rotary" ? -29 : -66, width: position === "rotary" ? 58 : 132};
  parts[`${name}-position-says`] = {text: LABELS[position]};
  parts[`${name}-position-way`] = {
    d: route([[trunk + 26 * side, 488], [trunk + 5 * side, 488]], back), visibility: seen(position !== "rotary"),
  };
  parts[`${name}-final`] = {transform: `translate(${trunk} 84)`, visibility: seen(norm === "before")};
  parts[`${name}-final-says`] = {text: rms ? "RMSNorm" : "norm"};
  put("embed", at.ends, 516);
  parts[`${name}-embed-says`] = {text: `${patch ? "patches" : "embedding"} ${all}`};
  parts[`${name}-ids`] = {x: at.ends + 85, text: patch ? `image, ${n - 1} patches` : `token ids ${shape(n)}`};
  parts[`${name}-head`] = {transform: `translate(${at.ends} 36)`, visibility: seen(!(cross && name === "a"))};
  parts[`${name}-head-says`] = {text: patch ? `classes ${shape(c)}` : `logits ${shape(n, c)}`};
  return parts;
}

/** The two curves of the run, and the block that is followed. */
function chart({run, back, norm, layer, theirs}) {
  const {x, y, width, height} = CHART, steps = run.before.sizes.length - 1;
  const most = back ? 2 : Math.ceil(Math.max(...run.before.sizes)), parts = {};
  const place = (value, step) => [x + width * step / steps, y + height * (1 - Math.min(value / most, 1))];
  const pen = where => ({
    stroke: where !== norm ? "grey" : back ? "pink" : "blue", "stroke-width": where === norm ? 3.5 : 1.5,
  });
  const told = ["before", "after"].map(where => {
    const values = run[where][back ? "gradients" : "sizes"];
    parts[`curve-${where}`] = {d: path(values.map(place)), ...pen(where)};
    parts[`legend-${where}`] = pen(where);
    return values;
  })[norm === "before" ? 0 : 1].slice(2 * layer - 2, 2 * layer + 1);
  parts.one = {d: path([place(1, 0), place(1, steps)])};
  parts["one-says"] = {y: place(1, 0)[1] + 4};
  parts["most-says"] = {text: number(most)};
  parts.followed = {x: x + width * (2 * layer - 2) / steps};
  parts["followed-says"] = {x: x + width * (2 * layer - 1) / steps, text: `block ${layer}`};
  const [, high] = place(theirs ?? 0, 2);
  parts.theirs = {transform: `translate(${place(0, 2)[0]} ${high})`, visibility: seen(theirs !== null && !back)};
  parts["chart-title"] = {text: back ? "Gradient of the stream" : "Size of the stream"};
  parts["chart-note"] = {text: back ? "bold at left; 1 = from the output" : "a small random model; bold at left"};
  return [parts, told];
}

export function picture(state) {
  const {n, m, h, g, layers, cross, causal, norm, position, mlp, rms, chosen, back, layer, at, lessons} = state;
  const parts = {b: {visibility: seen(cross)}, memory: {visibility: seen(cross)}};
  for (const name of ["a", "b"]) Object.assign(parts, stack(state, name, columns(state)[name] ?? at.b));
  if (!cross) for (const part of ["b-end", "b-head", "b-final", "b-position-way"]) parts[part].visibility = "hidden";
  parts["memory-way"] = {d: route([[at.a.trunk, 70], [215, 70], [215, 286], [221, 286]], back)};
  parts["memory-says"] = {text: `memory ${shape(n, m)}`};
  const [drawn, told] = chart(state), {trunk} = columns(state).a;
  Object.assign(parts, drawn);
  ["in", "between", "out"].forEach((where, step) => {
    const x = trunk + (step === 2 || norm === "after" && step === 1 ? 40 : 10);
    parts[`size-${where}`] = {x, text: told[step].toFixed(2)};
    parts[`stream-${where}`] = {x: x + 36, text: shape(n, m)};
  });
  const counts = parameters(state), total = sum(Object.values(counts)), most = Math.max(...Object.values(counts));
  Object.entries(counts).forEach(([name, count]) => {
    parts[`count-${name}`] = {width: BAR * count / most};
    parts[`count-${name}-says`] = {text: count ? amount(count) : "none"};
  });
  parts.total = {text: `Parameters: ${amount(total)}`};
  parts.heading = {text: heading(state)};
  parts.times = {text: `×${layers}`};
  const {title, formula, shapes, learned, lesson} = detail(state, chosen), named = lessons[lesson];
  const learns = counts[learned] === undefined ? learned : counts[learned] ? `${thousands(counts[learned])} parameters` : "nothing to learn";
  const lines = [...formula, ...shapes, learns, `Lesson ${named.slice(0, 2)}`];
  parts["detail-title"] = {text: title};
  for (let row = 0; row < ROWS; row++) {
    parts[`detail-${row}`] = {text: lines[row] ?? "", fill: row < formula.length ? "ink" : "soft"};
  }
  parts.lesson = {text: `Open lesson ${named.slice(0, 2)}`, href: `${named}.ipynb`};
  const order = boxes(state);
  parts.chosen = around(state, chosen);
  const {x, y, width, height} = parts.chosen;
  parts.cursor = {x: x - 4, y: y - 4, width: width + 8, height: height + 8, "aria-valuenow": order.indexOf(chosen), "aria-valuemax": order.length - 1,
    "aria-valuetext": `${title}: ${lines.join("; ")}`};
  Object.assign(parts, settings(state));
  const what = back ? "gradient" : "size", values = Object.entries(counts).filter(([, count]) => count);
  const say = `${heading(state)}. ${cross ? "Two residual streams" : "A residual stream"} of shape ${shape(n, m)}, ` +
    `the ${rms ? "RMSNorm" : "layer norm"} ${norm === "before" ? "in each branch" : "on the trunk after each addition"}, ` +
    `${LABELS[position]}${position === "rotary" ? " positions" : ""}, ${causal ? "a causal mask" : "no mask"}` +
    `${cross ? " in the decoder, which asks the encoder's output" : ""}, ${h} heads with ${g} heads of keys and values, ` +
    `${mlp} of inner width ${inner(state)}. ${amount(total)} parameters: ` +
    `${values.map(([name, count]) => `${name} ${amount(count)}`).join(", ")}. Chosen: ${title}, ${lines.join("; ")}. ` +
    `In a small random model, the ${what} of the stream in block ${layer}: ${told.map(one => number(one)).join(", ")}.`;
  return {...parts, say, told: `${heading(state)}. ${amount(total)} parameters. ${title}: ${lines.join("; ")}. ` +
    `Block ${layer}: ${what} ${told.map(one => number(one)).join(", ")}.`};
}

/** The name of a model while nothing in it was exchanged. */
export function heading(state) {
  const {models, model, cross, causal, layers} = state;
  const changed = Object.entries(models[model]).some(([name, value]) => state[name] !== value) ? ", changed" : "";
  const kind = cross ? "an encoder and a decoder" : causal ? "a decoder" : "an encoder";
  return `${model}${changed}: ${kind} of ${layers} ${layers === 1 ? "block" : "blocks"}${cross ? " each" : ""}`;
}

/** The frame around what is chosen. */
function around(state, box) {
  const [name, ...rest] = box.split("-"), part = rest.join("-"), at = columns(state)[name], {trunk} = at;
  const pill = (x, y, half) => ({x: x - half - 3, y: y - 12, width: 2 * half + 6, height: 24});
  if (part === "embed" || part === "head") return {x: at.ends - 3, y: part === "embed" ? 513 : 33, width: 176, height: 32};
  if (part === "final") return pill(trunk, 84, 34);
  if (part === "position") return state.position === "rotary" ? pill(at.left + 34, at.slots.attention + at.box - 5, 29)
    : pill(trunk + 92 * at.side, 488, 66);
  const [sublayer, what] = part.split("-"), y = at.slots[sublayer];
  if (what === "add") return pill(trunk, y + at.add, 9);
  if (what === "norm") return state.norm === "before" ? pill(at.left + at.width / 2, y + at.pill, 34) : pill(trunk, y + at.after, 34);
  return {x: at.left - 3, y: y + at.box - 3, width: at.width + 6, height: at.height + 6};
}

/** What the controls show. */
function settings(state) {
  const {models, model, n, m, h, g, layers, norm, rms, position, causal, mlp, cross, patch, layer, back} = state, parts = {};
  Object.keys(models).forEach((name, i) => parts[`model-${i}`] = {"aria-pressed": name === model});
  const listed = (part, list, value, words) => parts[part] = {
    max: list.length - 1, value: list.indexOf(value), "aria-valuetext": `${value} ${words}`, disabled: list.length < 2,
  };
  listed("width", WIDTHS, m, "wide");
  listed("heads", divisors(m), h, "heads");
  listed("groups", divisors(h), g, "heads of keys and values");
  return {
    ...parts,
    tokens: {value: Math.log2(n), "aria-valuetext": `${n} tokens`}, layers: {value: layers},
    norm: {value: norm}, kind: {value: rms ? "RMSNorm" : "layer norm"}, position: {value: position},
    mlp: {value: mlp}, causal: {checked: causal}, cross: {checked: cross, disabled: patch > 0}, layer: {value: layer},
    forward: {"aria-pressed": !back}, backward: {"aria-pressed": back},
  };
}

const nearest = (list, value) => list.reduce((best, one) => Math.abs(one - value) < Math.abs(best - value) ? one : best);

/** A change, with what it brings along: the heads divide the width, the groups the heads. */
export function changed(state, changes) {
  const next = {...state, ...changes};
  if ("mlp" in changes) next.ratio = changes.mlp === "SwiGLU" ? 8 / 3 : 4;
  if ("m" in changes) next.h = nearest(divisors(next.m), next.m * state.h / state.m);
  if (next.h !== state.h && !("g" in changes)) next.g = next.h * state.g / state.h;
  next.g = nearest(divisors(next.h), next.g);
  return there(next);
}

/** Where what was chosen is gone, attention is looked at. */
const there = state => boxes(state).includes(state.chosen) ? state : {...state, chosen: "a-attention"};

export function mount(root, start) {
  const scene = live(root, start, picture), change = changes => scene.set(changed(scene.state, changes));
  Object.entries(start.models).forEach(([model, settings], i) =>
    on(root, `model-${i}`, "click", () => scene.set(there({...scene.state, model, ...settings}))));
  const slide = (part, read) => on(root, part, "input", event => change(read(Number(event.target.value))));
  slide("tokens", value => ({n: 2 ** value}));
  slide("layers", value => ({layers: value}));
  slide("width", value => ({m: WIDTHS[value]}));
  slide("heads", value => ({h: divisors(scene.state.m)[value]}));
  slide("groups", value => ({g: divisors(scene.state.h)[value]}));
  const choose = (part, read) => on(root, part, "change", event => change(read(event.target)));
  choose("norm", ({value}) => ({norm: value}));
  choose("kind", ({value}) => ({rms: value === "RMSNorm"}));
  choose("position", ({value}) => ({position: value}));
  choose("mlp", ({value}) => ({mlp: value}));
  choose("causal", ({checked}) => ({causal: checked}));
  choose("cross", ({checked}) => ({cross: checked}));
  for (const box of [...boxes({...start, cross: true, norm: "before"}), "a-head"]) {
    find(root, box).addEventListener("pointerover", () => scene.set({chosen: box}));
  }
  const walk = by => () => {
    const order = boxes(scene.state);
    scene.set({chosen: order[clamp(order.indexOf(scene.state.chosen) + by, 0, order.length - 1)]});
  };
  onKeys(find(root, "cursor"), {ArrowUp: walk(1), ArrowRight: walk(1), ArrowDown: walk(-1), ArrowLeft: walk(-1)});
  let running;
  const stop = () => clearInterval(running), last = (start.run.before.sizes.length - 1) / 2;
  const run = back => () => {
    stop();
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches, [from, to] = back ? [last, 1] : [1, last];
    scene.set({back, layer: calm ? to : from});
    if (calm) return;
    running = setInterval(() => {
      const next = scene.state.layer + (back ? -1 : 1);
      if (next < 1 || next > last) stop();
      else scene.set({layer: next});
    }, 220);
  };
  on(root, "forward", "click", run(false));
  on(root, "backward", "click", run(true));
  on(root, "reset", "click", stop);
  slide("layer", value => (stop(), {layer: value}));
  const page = location.pathname.endsWith(".html") ? ".html" : ".ipynb";
  on(root, "lesson", "click", event => event.target.href = event.target.getAttribute("href").replace(/\.ipynb$/, page));
}
