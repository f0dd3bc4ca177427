// Ten requests on one machine: the server of experiments/serving.py, and what it has done at each moment.

const LEFT = 112, RIGHT = 486, TOP = 60, ROW = 20, BAR_AT = 76, BAR = 270, PAUSE = 70;
const HEIGHTS = {waiting: 2, prefill: 14, decode: 8, preempted: 5};
const FELT = {ttft: "TTFT", tpot: "TPOT", gap: "longest pause"};

/** How long a step takes in which requests with `read` tokens in their cache read `n` more. */
export function seconds(parts, {weights, scored, cached, flops, bytes}) {
  const tokens = sum(parts.map(({n}) => n)), scores = sum(parts.map(({read, n}) => 4 * n * (read + n / 2))) * scored;
  const cache = sum(parts.map(({read, n}) => read + n)) * cached;
  return Math.max(2 * weights * tokens / flops, 2 * weights / bytes) + Math.max(scores / flops, cache / bytes);
}

const left = one => one.prompt + one.times.length - one.read;
const writes = one => one.times.length > 0 && left(one) === 1;
const without = (list, one) => list.splice(list.indexOf(one), 1);

/** Serve the requests: every step, and what was felt of each in milliseconds. They come in the order of arrival. */
export function serve({requests, model, budget, chunked, blocks}) {
  const all = requests.map(([arrival, prompt, output], name) => ({name, arrival, prompt, output, read: 0, held: 0, times: []}));
  const waiting = [...all], running = [], steps = [];
  let clock = 0;
  const pages = tokens => Math.ceil(tokens / model.block);
  const free = () => blocks - sum(all.map(({held}) => pages(held)));

  const plan = () => {
    const arrived = waiting.filter(({arrival}) => arrival <= clock), writers = running.filter(writes);
    const readers = [...running.filter(one => !writes(one)), ...arrived];
    if (!chunked && readers.length && left(readers[0]) <= free() * model.block) return [[readers[0], left(readers[0])]];
    const planned = writers.map(one => [one, 1]);
    let room = budget - writers.length;
    for (const one of chunked ? readers : []) {
      const n = Math.min(room, left(one));
      room -= n;
      if (n > 0) planned.push([one, n]);
    }
    return planned;
  };

  const grow = (one, n) => {
    if (pages(one.held + n) - pages(one.held) > free()) return false;
    one.held += n;
    return true;
  };

  const preemptLatest = () => {
    const one = running.pop();
    one.held = one.read = 0;
    waiting.unshift(one);
    return one;
  };

  const makeRoom = planned => {
    const sent = [];
    let kept = [], full = false;
    for (const [one, n] of planned) {
      const isNew = waiting.includes(one);
      if (isNew && full) continue;
      let fits;
      while (!(fits = grow(one, n)) && running.slice(0, -1).includes(one)) {
        const away = preemptLatest();
        sent.push(away);
        kept = kept.filter(({one}) => one !== away);
      }
      if (fits) kept.push({one, read: one.read, n});
      if (fits && isNew) {
        without(waiting, one);
        running.push(one);
      }
      full ||= sent.length > 0 || !fits;
    }
    return {kept, sent};
  };

  while (waiting.length || running.length) {
    if (!running.length) clock = Math.max(clock, Math.min(...waiting.map(({arrival}) => arrival)));
    const {kept, sent} = makeRoom(plan()), start = clock;
    const prefill = Object.fromEntries(kept.filter(({one}) => !writes(one)).map(({one, n}) => [one.name, n]));
    const decode = kept.filter(({one}) => writes(one)).map(({one}) => one.name);
    clock += seconds(kept, model);
    steps.push({start, end: clock, prefill, decode, preempted: sent.map(({name}) => name), blocks: blocks - free()});
    for (const {one, n} of kept) {
      one.read += n;
      if (!left(one)) one.times.push(clock);
      if (one.times.length === one.output) {
        one.held = 0;
        without(running, one);
      }
    }
  }

  const between = all.map(({times}) => times.slice(1).map((time, place) => 1e3 * (time - times[place])));
  return {
    steps,
    ttft: all.map(({times, arrival}) => 1e3 * (times[0] - arrival)),
    tpot: between.map(each => sum(each) / each.length),
    gap: between.map(each => Math.max(...each)),
  };
}

/** Median and worst. */
export function figures(times) {
  const sorted = [...times].sort((a, b) => a - b), half = sorted.length / 2;
  return [(sorted[Math.ceil(half) - 1] + sorted[Math.floor(half)]) / 2, sorted.at(-1)];
}

/** When a request waits, reads, writes, or has been sent away: pairs of seconds; what touches is one span. */
export function spans(steps, name, arrival) {
  const found = {waiting: [], prefill: [], decode: [], preempted: []};
  const last = steps.findLastIndex(({prefill, decode}) => name in prefill || decode.includes(name));
  let away = false;
  for (const {start, end, prefill, decode, preempted} of steps.slice(0, last + 1)) {
    const from = Math.max(start, arrival);
    away = (away || preempted.includes(name)) && !(name in prefill);
    const kind = name in prefill ? "prefill" : decode.includes(name) ? "decode" : away ? "preempted" : "waiting";
    if (from >= end) continue;
    const same = found[kind], begun = same.length && same.at(-1)[1] === from ? same.pop()[0] : from;
    same.push([begun, end]);
  }
  return found;
}

/** The step that goes on at a moment. */
export const stepAt = (steps, time) => Math.max(0, steps.findLastIndex(({start}) => start <= time));

const endOf = steps => 0.4 * Math.max(2, Math.ceil(steps.at(-1).end / 0.4));

function boxes(times, across, y, height) {
  return times.map(([start, end]) => {
    const width = across(end) - across(start);
    return `M${decimal(across(start))} ${decimal(y)}h${decimal(width)}v${decimal(height)}h${decimal(-width)}z`;
  }).join("");
}

/** Which requests do what in a step. */
function who({start, end, prefill}, each) {
  const middle = (start + end) / 2, found = {decode: [], waiting: [], prefill: [], preempted: []};
  each.forEach((all, name) => {
    for (const [kind, times] of Object.entries(all)) {
      if (times.some(([from, to]) => from <= middle && middle < to)) {
        found[kind].push(kind === "prefill" ? `${name} (${prefill[name]})` : `${name}`);
      }
    }
  });
  return Object.fromEntries(Object.entries(found).map(([kind, names]) => [kind, names.join(", ") || "none"]));
}

/** What a step holds: its words, and the bars of its tokens and blocks. */
function panel(state, steps, each, place) {
  const {budget, chunked, blocks} = state, step = steps[place], {start, end, decode, blocks: used} = step, parts = {};
  const tokens = ({decode, prefill}) => [decode.length, sum(Object.values(prefill))], [written, read] = tokens(step);
  const most = chunked ? budget : Math.max(...steps.map(one => sum(tokens(one))));
  const heading = `Step ${place + 1} of ${steps.length}: from ${number(start, 3)} s, for ${number(1e3 * (end - start), 1)} ms`;
  const tokensSay = `${decode.length} written + ${read} read${chunked ? `, budget ${budget}` : ""}`;
  const blocksSay = `${used} of ${blocks} in use`, all = Object.entries(who(step, each));
  parts.heading = {text: heading};
  parts["decode-bar"] = {width: BAR * written / most};
  parts["prefill-bar"] = {x: BAR_AT + BAR * written / most, width: BAR * read / most};
  parts["blocks-bar"] = {width: BAR * used / blocks};
  parts["tokens-says"] = {text: tokensSay};
  parts["blocks-says"] = {text: blocksSay};
  for (const [kind, words] of all) parts[`who-${kind}`] = {text: `${kind}: ${words}`};
  const listed = all.map(([kind, words]) => `${kind}: ${words}`).join("; ");
  return {parts, told: `${heading}. Tokens: ${tokensSay}; blocks: ${blocksSay}. ${listed}.`};
}

function yours(theirs) {
  if (!theirs) return "";
  const listed = ["TTFT", "TPOT", "pause"].map((name, place) => `${name} ${number(theirs[0][place], 1)} and ${number(theirs[1][place], 1)}`);
  return `By your function, median and worst: ${listed.join(", ")}.`;
}

export function picture(state) {
  const {requests, budget, chunked, blocks, playing, theirs} = state, served = serve(state), {steps} = served;
  const end = endOf(steps), across = time => LEFT + (RIGHT - LEFT) * time / end, place = Math.min(state.step, steps.length - 1);
  const each = requests.map(([arrival], name) => spans(steps, name, arrival));
  const {parts, told} = panel(state, steps, each, place);
  requests.forEach(([arrival], name) => {
    const y = TOP + ROW * name, x = across(arrival);
    for (const [kind, times] of Object.entries(each[name])) {
      parts[`${kind}-${name}`] = {d: boxes(times, across, y + 7 - HEIGHTS[kind] / 2, HEIGHTS[kind])};
    }
    parts[`arrival-${name}`] = {d: path([[x, y - 2], [x, y + 16]])};
    for (const what in FELT) parts[`${what}-${name}`] = {text: number(served[what][name], 1)};
  });
  for (let tick = 0; tick <= 4; tick++) parts[`tick-${tick}`] = {text: `${number(end * tick / 4)} s`};
  const felt = Object.entries(FELT).map(([what, name]) => {
    const [median, worst] = figures(served[what]).map(one => number(one, 1));
    parts[`${what}-median`] = {text: median};
    parts[`${what}-worst`] = {text: worst};
    return `${name} ${median} and ${worst}`;
  });
  const now = steps[place], x = across(now.start), width = Math.max(across(now.end) - x, 2);
  parts.now = {x, width};
  parts.cursor = {x: x - 3, width: width + 6, "aria-valuemax": steps.length - 1, "aria-valuenow": place, "aria-valuetext": told};
  parts.yours = {text: yours(theirs), visibility: seen(theirs)};
  parts.back = {disabled: !place};
  parts.next = {disabled: place === steps.length - 1};
  parts.play = {text: playing ? "Pause" : "Play"};
  parts.chunked = {checked: chunked};
  parts.budget = {value: Math.log2(budget), "aria-valuetext": `${budget} tokens`, disabled: !chunked};
  parts["budget-says"] = {text: chunked ? `${budget}` : "no budget"};
  parts.blocks = {value: blocks};
  parts["pool-says"] = {text: `${blocks}`};
  const how = chunked ? `in chunks, ${budget} tokens a step` : "whole", away = sum(steps.map(({preempted}) => preempted.length));
  const one = ([, prompt, output], name) => `request ${name}, ${prompt} + ${output} tokens: ` +
    Object.entries(FELT).map(([what, words]) => `${words} ${number(served[what][name], 1)}`).join(", ");
  const head = `Ten requests, prompts read ${how}, ${blocks} blocks: done after ${number(steps.at(-1).end)} s, ${away} sent away. ` +
    `Median and worst in milliseconds: ${felt.join(", ")}.`;
  return {...parts, say: `${head} Each: ${requests.map(one).join("; ")}. ${told}`, told: state.changed ? head : told};
}

export function mount(root, start) {
  const scene = live(root, start, picture), svg = root.querySelector("svg"), steps = () => serve(scene.state).steps;
  let waiting;
  const look = (step, playing = false) => {
    clearTimeout(waiting);
    const last = steps().length - 1;
    scene.set({step: clamp(step, 0, last), playing: playing && step < last, changed: false});
    if (scene.state.playing) waiting = setTimeout(() => scene.state.playing && look(scene.state.step + 1, true), PAUSE);
  };
  const change = changes => {
    const {start: time} = steps()[scene.state.step], changed = {...scene.state, ...changes};
    scene.move({...changes, step: stepAt(serve(changed).steps, time), playing: false, changed: true});
  };
  on(root, "back", "click", () => look(scene.state.step - 1));
  on(root, "next", "click", () => look(scene.state.step + 1));
  on(root, "play", "click", () => {
    const {playing, step} = scene.state;
    look(playing || step < steps().length - 1 ? step : 0, !playing);
  });
  on(root, "chunked", "change", event => change({chunked: event.target.checked}));
  on(root, "budget", "input", event => change({budget: 2 ** event.target.valueAsNumber}));
  on(root, "blocks", "input", event => change({blocks: event.target.valueAsNumber}));
  const point = event => {
    const {x} = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    look(stepAt(steps(), endOf(steps()) * (x - LEFT) / (RIGHT - LEFT)));
  };
  for (const type of ["pointermove", "pointerdown"]) on(root, "catch", type, point);
  const walk = by => () => look(scene.state.step + by);
  onKeys(find(root, "cursor"), {
    ArrowLeft: walk(-1), ArrowDown: walk(-1), ArrowRight: walk(1), ArrowUp: walk(1),
    PageDown: walk(-10), PageUp: walk(10), Home: walk(-Infinity), End: walk(Infinity),
  });
}
