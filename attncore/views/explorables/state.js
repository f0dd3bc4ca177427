// A state that's read and written token by token, for any decay and beta, with or without the subtraction.

const LEFT = 60, WIDE = 70;

/** What each token does: the faded state, its answer for the key, what is written, and the state after. */
export function walk({keys, values, decay, beta, subtract}) {
  let now = keys[0].map(() => 0);
  return keys.map((key, token) => {
    const faded = now.map(one => decay * one), there = dot(key, faded);
    const missing = values[token] - (subtract ? there : 0);
    const written = key.map(one => beta * missing * one);
    now = faded.map((one, place) => one + written[place]);
    return {faded, there, missing, written, now};
  });
}

export function picture(state) {
  const {keys, values, told, step, decay, beta, subtract} = state;
  const tokens = walk(state), {faded, there, missing, written, now} = tokens[step];
  const after = transpose(tokens.map(token => token.now));
  const most = Math.max(...after.flat().map(Math.abs));
  const value = number(values[step]);
  const lines = [
    `its key is ${vector(keys[step])}`,
    `the state has faded to ${vector(faded)}`,
    `it answers ${number(there)} for the key`,
    subtract ? `missing: ${value} less ${number(there)}, ${number(missing)}` : `nothing is taken off: ${value}`,
    `written: ${vector(written)}`,
    `the state is now ${vector(now)}`,
  ];
  const parts = {
    ...cells("state", after, {color: one => signedColor(one, most)}),
    frame: {x: LEFT + step * WIDE - 4},
    heading: {text: `What token ${step + 1} does`},
    step: {value: step + 1},
    decay: {value: decay},
    beta: {value: beta},
    subtract: {checked: subtract},
  };
  lines.forEach((line, place) => { parts[`line-${place}`] = {text: line}; });
  const first = subtract ? "what was there taken off first" : "nothing taken off";
  const say = `The state after token ${step + 1}, ${told[step]}, is ${vector(now)}, ` +
    `with a decay of ${number(decay)} and a beta of ${number(beta)}, and ${first}.`;
  return {...parts, say};
}

export function mount(root, start) {
  const scene = live(root, start, picture);
  on(root, "step", "input", event => scene.set({step: event.target.valueAsNumber - 1}));
  on(root, "decay", "input", event => scene.move({decay: event.target.valueAsNumber}));
  on(root, "beta", "input", event => scene.move({beta: event.target.valueAsNumber}));
  on(root, "subtract", "change", event => scene.move({subtract: event.target.checked}));
}
