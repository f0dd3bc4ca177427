// Latent attention in its two forms: what latent.py has drawn, for any widths.

const THICK = 64, BAR = 84;
const SIDES = ["unpacked", "absorbed"], LEFT = {unpacked: 6, absorbed: 352};
const grouped = count => String(count).replace(/\B(?=(\d{3})+$)/g, ",");
const shape = (...lengths) => `(${lengths.join(", ")})`;

/** Numbers of one cached token and layer that pass along each edge in a decode step. */
export function passing({h, d, z, r}) {
  return {
    unpacked: {
      "latent-key": z, "latent-value": z, "rope-scores": r,
      "made-key": h * d, "made-value": h * d, "key-scores": h * d, "value-sum": h * d,
    },
    absorbed: {"latent-scores": z, "latent-sum": z, "rope-scores": r},
  };
}

/** Bytes of a token and layer, two a number: what is cached, and what a decode step reads. */
export function bytes({h, d, z, r, g}) {
  return {
    cached: {MHA: 4 * h * d, GQA: 4 * Math.min(g, h) * d, MLA: 2 * (z + r)},
    read: {unpacked: 2 * (2 * h * d + r), absorbed: 2 * (z + r)},
  };
}

/** Floating-point operations for each byte that attention reads in a decode step. */
export function intensity(state) {
  const {h, d, z, r} = state, {read} = bytes(state), flops = width => 2 * h * (2 * width + r);
  return {unpacked: flops(d) / read.unpacked, absorbed: flops(z) / read.absorbed};
}

/** What each box says: its name and its shape. */
export function boxes({h, d, z, r}) {
  return {
    rope: ["rotary", shape("n", r)], latent: ["latent c", shape("n", z)],
    "up-key": ["W_up_key", shape(z, h * d)], "up-value": ["W_up_value", shape(z, h * d)],
    key: ["K", shape(h, "n", d)], value: ["V", shape(h, "n", d)],
    query: ["query", shape(h, d)], "rope-query": ["rotary query", shape(h, r)], moved: ["latent query", shape(h, z)],
    scores: ["scores, softmax", shape(h, "n")], sum: ["weighted sum", ""], output: ["W_output", shape(h * d, "m")],
  };
}

/** Two lines on what is pointed at. */
export function told(state, box) {
  const {h, d, z, r} = state, share = number(1 / Math.sqrt(d + r), 3);
  return {
    rope: ["The part of the key that is rotated by its position. All heads share it, so it's cached as it is:",
      `a rotation between the query and W_up_key couldn't be absorbed. ${r} numbers a token.`],
    latent: ["What is cached of a token's content, for keys and values of all heads at once:",
      `x W_latent, ${z} numbers a token. Absorbed, each is read once, and used as key and as value.`],
    "up-key": ["Unpacked, it's multiplied with every cached token. Absorbed, with the query, once a step:",
      "q · (c W_up_key) = (q W_up_keyᵀ) · c, head by head."],
    "up-value": ["Unpacked, it's multiplied with every cached token. Absorbed, with the sum, once a step:",
      "weights (c W_up_value) = (weights c) W_up_value, head by head."],
    key: [`A key for each of the ${h} heads, unpacked from the latent: ${grouped(h * d)} numbers a token`,
      "that the scores have to read. The absorbed form never makes it."],
    value: [`A value for each of the ${h} heads, unpacked from the latent: ${grouped(h * d)} numbers a token`,
      "that the weighted sum has to read. The absorbed form never makes it."],
    query: ["The new token's query, without position: one row a head, however long the context.",
      "Absorbed, W_up_key moves it into the latent space."],
    "rope-query": ["The part of the query that is rotated by its position, a row for each head.",
      "It meets the rotary key, and its product is added to the score."],
    moved: [`Each head's query, ${z} wide now, where it was ${d}: it's compared with the latent itself,`,
      "as if all heads shared one key. Read from the cache, this is multi-query attention."],
    scores: [`Content and position are added, times ${share} = 1/√(${d} + ${r}), and softmax.`,
      `A head multiplies ${d} + ${r} numbers a token unpacked, ${z} + ${r} absorbed.`],
    sum: [`Unpacked, of the values: ${shape(h, d)}. Absorbed, of the latents: ${shape(h, z)},`,
      "which W_up_value then unpacks, one row a head."],
    output: ["The heads side by side, projected to the model's width. Both forms give the same numbers.", ""],
  }[box];
}

const kib = count => `${number(count / 1024, count < 1024 * 9.95 ? 2 : 1)} KiB`;

const rate = flops => `${number(flops, flops < 9.95 ? 1 : 0)} FLOPs a byte`;

export function picture(state) {
  const {h, d, z, r, chosen, places} = state, parts = {}, most = Math.max(h * d, z), counts = bytes(state);
  const names = boxes(state), flows = passing(state), per = intensity(state);
  for (const side of SIDES) {
    for (const [edge, count] of Object.entries(flows[side])) {
      parts[`${side}-${edge}`] = {"stroke-width": Math.max(1, THICK * count / most)};
      if (!edge.startsWith("made")) parts[`${side}-${edge}-says`] = {text: grouped(count)};
    }
    for (const box of Object.keys(places[side])) {
      const width = box === "sum" ? side === "unpacked" ? d : z : 0;
      parts[`${side}-${box}-says`] = {text: width ? shape(h, width) : names[box][1]};
    }
    const [x, y, width, height] = places[side][chosen] ?? [0, 0, 0, 0];
    parts[`${side}-lit`] = {x: LEFT[side] + x - 3, y: y - 3, width: width + 6, height: height + 6, visibility: seen(chosen in places[side])};
  }
  const widest = Math.max(...Object.values(counts.cached), counts.read.unpacked);
  Object.entries({...counts.cached, ...counts.read}).forEach(([name, count]) => {
    const more = name in per ? `, ${rate(per[name])}` : "";
    parts[`bar-${name}`] = {width: BAR * count / widest};
    parts[`bar-${name}-says`] = {text: kib(count) + more};
  });
  parts.gqa = {text: `GQA of ${Math.min(state.g, h)}`};
  const order = Object.keys(names), lines = told(state, chosen), [title] = names[chosen];
  parts["told-title"] = {text: `${title} ${names[chosen][1]}`};
  lines.forEach((line, i) => parts[`told-${i}`] = {text: line});
  const first = chosen in places.unpacked ? "unpacked" : "absorbed", [x, y, width, height] = places[first][chosen];
  parts.cursor = {
    x: LEFT[first] + x - 7, y: y - 7, width: width + 14, height: height + 14,
    "aria-valuenow": order.indexOf(chosen), "aria-valuetext": `${title} ${names[chosen][1]}: ${lines.join(" ").trim()}`,
  };
  const slide = (part, value, words) => parts[part] = {value, "aria-valuetext": words};
  slide("heads", Math.log2(h), `${h} heads`);
  slide("head-width", d, `d_head ${d}`);
  slide("latent-width", z, `d_latent ${z}`);
  slide("rope-width", r, `d_rope ${r}`);
  parts.widths = {text: `${h} heads of ${d}, latent ${z}, rotary ${r}`};
  const say = `Latent attention in a decode step, ${h} heads of width ${d}, a latent of ${z} and a rotary key of ${r}. ` +
    `Both forms cache ${kib(counts.cached.MLA)} a token and layer; MHA ${kib(counts.cached.MHA)}, ` +
    `GQA ${kib(counts.cached.GQA)}. Unpacked, attention reads ${kib(counts.read.unpacked)} of keys and values a token, ` +
    `${rate(per.unpacked)}. Absorbed, it reads ${kib(counts.read.absorbed)}, ` +
    `${rate(per.absorbed)}. ${title}: ${lines.join(" ").trim()}`;
  return {...parts, say};
}

export function mount(root, start) {
  const scene = live(root, start, picture), slide = (part, read) =>
    on(root, part, "input", event => scene.move(read(Number(event.target.value))));
  slide("heads", value => ({h: 2 ** value}));
  slide("head-width", d => ({d}));
  slide("latent-width", z => ({z}));
  slide("rope-width", r => ({r}));
  for (const side of SIDES) for (const box of Object.keys(start.places[side])) {
    find(root, `${side}-${box}`).addEventListener("pointerover", () => scene.set({chosen: box}));
  }
  const order = Object.keys(boxes(start)), walk = by => () =>
    scene.set({chosen: order[clamp(order.indexOf(scene.state.chosen) + by, 0, order.length - 1)]});
  onKeys(find(root, "cursor"), {ArrowLeft: walk(-1), ArrowUp: walk(-1), ArrowRight: walk(1), ArrowDown: walk(1)});
}
