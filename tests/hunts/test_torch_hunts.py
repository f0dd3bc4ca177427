"""Hunts in PyTorch: the numbers of the NumPy files, repairs that look otherwise, tests as a learner writes them."""

import subprocess
import sys
from functools import cache

import numpy as np
import pytest

from attncore import hunts
from attncore.hunts.decoder.rig import IDS, small_weights
from attncore.hunts.encoder.rig import TEXTS
from attncore.hunts.planting import kind_named, names, planted
from attncore.hunts.training.rig import drawn_params
from attncore.hunts.trial import departures, module_of, outcomes


def test_pytorch_is_loaded_by_its_own_hunts_alone():
    program = (
        "import sys; from attncore import hunts; from attncore.hunts.planting import kind_named, names;"
        "hunts.make(1); [kind_named(name, 'torch') for name in names('torch')]; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_where_pytorch_is_not_installed_a_sentence_says_so(monkeypatch):
    monkeypatch.setattr("attncore.hunts.hunt.find_spec", lambda name: None)
    assert names("torch") == [name for name in names() if name != "serving"]  # there is no server in it
    with pytest.raises(ValueError, match="PyTorch isn't installed here, and hunts in it need it"):
        hunts.make(1, framework="torch")


def both(name):
    """The healthy files of one kind, in PyTorch and in NumPy, and the rig of the first."""
    pytest.importorskip("torch")
    kind = kind_named(name, "torch")
    return module_of(kind.healthy), module_of(kind_named(name, "numpy").healthy), kind.rig


@pytest.mark.parametrize("size", [0.1, 0.6, 1.5])
def test_a_decoder_gives_the_same_numbers_in_both_frameworks(size):
    torch_file, numpy_file, rig = both("decoder")
    weights = small_weights(1, size)
    model = rig.built(torch_file, weights, dropout=0.3).eval()
    logits = rig.array(model(rig.tensor([IDS, IDS[::-1]])))
    assert np.allclose(logits, [numpy_file.logits(weights, ids) for ids in (IDS, IDS[::-1])], rtol=1e-10)
    loss = torch_file.loss(model, rig.tensor([IDS])).item()
    assert np.isclose(loss, numpy_file.loss(weights, IDS), rtol=1e-10)
    for how in ({"temperature": 0.5}, {"top_k": 3}):
        p = rig.array(torch_file.probabilities(rig.tensor(logits[:, -1]), **how))
        assert np.allclose(p, [numpy_file.probabilities(row, **how) for row in logits[:, -1]], rtol=1e-10)


@pytest.mark.parametrize("lengths", [[12], [1] * 12, [5, 3, 4]])
def test_a_cached_decoder_gives_the_same_numbers_in_both_frameworks(lengths):
    torch_file, numpy_file, rig = both("cached")
    weights = small_weights(1)
    model = rig.built(torch_file, weights).eval()
    caches, own, begin = torch_file.new_caches(model, 1), numpy_file.new_caches(weights), 0
    for length in lengths:
        part = IDS[begin : begin + length]
        logits = rig.array(model(rig.tensor([part]), caches))[0]
        assert np.allclose(logits, numpy_file.forward(weights, part, own), rtol=1e-10)
        begin += length
    p = rig.array(torch_file.probabilities(rig.tensor(logits), 0.8, 0.9))
    assert np.allclose(p, [numpy_file.probabilities(row, 0.8, 0.9) for row in logits], rtol=1e-10)


@pytest.mark.parametrize("size", [0.1, 0.6, 1.5])
def test_an_encoder_gives_the_same_numbers_in_both_frameworks(size):
    torch_file, numpy_file, rig = both("encoder")
    weights = small_weights(1, size)
    model = rig.built(torch_file, weights, dropout=0.3)
    x, real = torch_file.encode(model, TEXTS)
    expected, own = numpy_file.encode(weights, TEXTS)
    assert np.array_equal(rig.array(real), own)
    coarse = {"rtol": 1e-5, "atol": 1e-5}  # in PyTorch the table of positions is in float32
    assert np.allclose(rig.array(x)[own], expected[own], **coarse)
    vectors = rig.array(torch_file.sentence_vectors(model, TEXTS))
    assert np.allclose(vectors, numpy_file.sentence_vectors(weights, TEXTS), **coarse)
    found = torch_file.most_similar(model, TEXTS[0], TEXTS, 3)
    assert found == numpy_file.most_similar(weights, TEXTS[0], TEXTS, 3).tolist()


def test_a_training_has_the_same_loss_and_gradients_in_both_frameworks():
    torch_file, numpy_file, rig = both("training")
    ids = np.random.default_rng(2).integers(8, size=(3, 12))
    model = rig.filled(torch_file.Model(0.0), rig.state())
    loss = torch_file.loss(model, rig.tensor(ids))
    expected, gradients = numpy_file.loss_and_gradients(drawn_params(), ids)
    assert np.isclose(loss.item(), expected, rtol=1e-10)
    for name, found in rig.gradients(model, loss):
        own = gradients[name.removesuffix(".weight").removeprefix("attention.")]
        assert np.allclose(found, own if name[:5] in ("token", "posit") else own.T, rtol=1e-8, atol=1e-12)
    rates = [0.02 * torch_file.factor(step, 40) for step in range(40)]
    assert np.allclose(rates, [numpy_file.learning_rate(step, 40) for step in range(40)])


@cache
def expected(kind):
    return outcomes(module_of(kind.healthy), kind)


OWN_TABLE = """    frequency = torch.exp(torch.arange(0, m, 2).float() * (-math.log(10000.0) / m))
    table = torch.zeros(n, m)
    table[:, 0::2] = torch.sin(torch.arange(n).unsqueeze(1).float() * frequency)
    table[:, 1::2] = torch.cos(torch.arange(n).unsqueeze(1).float() * frequency)
    return table"""
SINUSOIDS = """    frequencies = 10000.0 ** (-torch.arange(0, m, 2) / m)
    angles = torch.arange(n)[:, None] * frequencies
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)"""
ATTENTION = """        scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
        scores = scores.masked_fill(self.future[:n, :n], float("-inf"))
        weights = self.dropout(F.softmax(scores, dim=-1))
        return self.output(merge_heads(weights @ value))"""
FUSED = """        p = self.dropout.p if self.training else 0.0
        heads = F.scaled_dot_product_attention(query, key, value, is_causal=True, dropout_p=p)
        return self.output(heads.transpose(1, 2).contiguous().view(x.shape))"""
BUFFER = """        self.register_buffer("future", future, persistent=False)
"""
SAMPLED = "            token = torch.multinomial(probabilities(logits, temperature, top_k), 1, generator=generator)"
BY_NOISE = """            p = probabilities(logits, temperature, top_k)
            noise = torch.empty_like(p).exponential_(generator=generator)
            token = (p / noise).argmax(dim=-1, keepdim=True)"""
CUT = """        self.key[:, :, self.n : end], self.value[:, :, self.n : end] = key, value
        self.n = end
        return self.key[:, :, :end], self.value[:, :, :end]"""
JOINED = """        self.key = torch.cat([self.key[:, :, : self.n], key], dim=2)
        self.value = torch.cat([self.value[:, :, : self.n], value], dim=2)
        self.n = end
        return self.key, self.value"""
STEP = """    optimizer.zero_grad()
    total = 0.0
    for part in ids.chunk(parts):
        part_loss = loss(model, part) / parts
        part_loss.backward()
        total += part_loss.item()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    scheduler.step()
    return total"""
OWN_STEP = """    losses = []
    for part in ids.split(len(ids) // parts):
        losses.append(loss(model, part))
        (losses[-1] / parts).backward()
    length = torch.sqrt(sum((p.grad**2).sum() for p in model.parameters()))
    for p in model.parameters():
        p.grad *= torch.clamp(1.0 / (length + 1e-6), max=1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=False)
    scheduler.step()
    return float(torch.stack(losses).detach().mean())"""
TOP_K = """        weakest = logits.topk(top_k, dim=-1).values[:, -1:]
        logits = logits.masked_fill(logits < weakest, float("-inf"))"""
BY_PLACE = """        best = logits.topk(top_k, dim=-1)
        logits = torch.full_like(logits, float("-inf")).scatter(-1, best.indices, best.values)"""
HIDDEN = """masked_fill(self.future[:n, :n], float("-inf"))"""
LOWEST = """masked_fill(self.future[:n, :n], torch.finfo(scores.dtype).min)"""
CROSS_ENTROPY = "F.cross_entropy(logits.transpose(1, 2), targets, ignore_index=IGNORE)"
EVALUATED = """    with torch.no_grad():
        return loss(model, ids).item()"""
AND_BACK = """    with torch.no_grad():
        found = loss(model, ids).item()
    model.train()
    return found"""
VISIBLE = """mask, dropout = visible(n, key.shape[2], x.device),"""
INFINITE = """mask = torch.where(visible(n, key.shape[2], x.device), 0.0, float("-inf")).to(x.dtype)
        dropout ="""
TABLE = """        self.register_buffer("positions", sinusoids(config.context, config.width), persistent=False)
"""
COPIED = "copy.deepcopy(model.state_dict())"
CLONED = "{name: value.clone() for name, value in model.state_dict().items()}"
TIED = "self.head.weight = self.token.weight"
OTHERWISE = {
    "a fused attention, no buffer": ("decoder", [(ATTENTION, FUSED), (BUFFER, "")]),
    "a buffer that is saved": ("decoder", [(", persistent=False", "")]),
    "a sentinel of the type's own": ("decoder", [(HIDDEN, LOWEST)]),
    "no head": (
        "decoder",
        [
            (f"        {TIED}\n", ""),
            ("        self.head = nn.Linear(config.width, config.n_tokens, bias=False)\n", ""),
            ("self.head(self.norm(x))", "self.norm(x) @ self.token.weight.T"),
        ],
    ),
    "tied the other way round": ("decoder", [(TIED, "self.token.weight = self.head.weight")]),
    "sampled by noise": ("decoder", [(SAMPLED, BY_NOISE)]),
    "top-k by place": ("decoder", [(TOP_K, BY_PLACE)]),
    "classes on axis 1": (
        "decoder",
        [("F.cross_entropy(logits.flatten(0, 1), targets.flatten())", "F.cross_entropy(logits.mT, targets)")],
    ),
    "float64 by default": ("decoder", [("@dataclass", "torch.set_default_dtype(torch.float64)\n\n\n@dataclass")]),
    "a seed of its own": ("decoder", [("@dataclass", "torch.manual_seed(11)\n\n\n@dataclass")]),
    "caches that are joined": ("cached", [(CUT, JOINED)]),
    "a mask of minus infinities": ("cached", [(VISIBLE, INFINITE)]),
    "a table by exp and log": (
        "encoder",
        [(SINUSOIDS, OWN_TABLE), ("from dataclasses", "import math\nfrom dataclasses")],
    ),
    "a table computed in every pass": (
        "encoder",
        [
            (TABLE, ""),
            ("self.positions[: ids.shape[1]]", "sinusoids(ids.shape[1], self.config.width).to(self.token.weight)"),
        ],
    ),
    "inference mode": ("encoder", [("torch.no_grad()", "torch.inference_mode()")]),
    "real tokens by their ids": ("encoder", [("torch.arange(ids.shape[1]) < lengths[:, None]", "ids != PAD")]),
    "a step written out": ("training", [(STEP, OWN_STEP)]),
    "a state that is cloned": ("training", [(COPIED, CLONED)]),
    "an evaluation that goes back to training": ("training", [(EVALUATED, AND_BACK)]),
    "targets that are picked": (
        "training",
        [(CROSS_ENTROPY, "F.cross_entropy(logits[targets >= 0], targets[targets >= 0])")],
    ),
}


@pytest.mark.parametrize("case", OTHERWISE)
def test_a_repair_may_look_otherwise(case):
    pytest.importorskip("torch")
    name, changes = OTHERWISE[case]
    kind = kind_named(name, "torch")
    source = kind.healthy
    for before, after in changes:
        assert source.count(before) == 1
        source = source.replace(before, after)
    assert not departures(outcomes(module_of(source), kind), expected(kind))
    assert not departures(outcomes(module_of(kind.healthy), kind), expected(kind))


TESTS = {
    "decoder": """
def model(dropout=0.5):
    torch.manual_seed(0)
    return GPT(Config(n_tokens=7, context=6, width=8, hidden=12, n_layers=2, n_heads=2, dropout=dropout))


def test_the_future_is_hidden():
    one = model().eval()
    ids = torch.tensor([[1, 2, 3, 4]])
    other = ids.clone()
    other[0, 3] = 6
    assert torch.allclose(one(ids)[:, :3], one(other)[:, :3], atol=1e-6)


def test_head_and_embedding_are_tied():
    one = model()
    assert one.head.weight is one.token.weight


def test_a_training_goes_on_after_a_sample():
    one = model().train()
    generate(one, torch.tensor([[1]]), 2)
    assert one.training


def test_that_is_wrong():
    assert model()(torch.tensor([[1]])).shape == (1, 7)
""",
    "training": """
def test_gradients_do_not_add_up():
    torch.manual_seed(0)
    model = Model(dropout=0.0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1.0)
    ids = batch(4, torch.Generator().manual_seed(0))
    found = []
    for _ in range(2):
        train_step(model, optimizer, scheduler, ids)
        found.append(model.out.weight.grad.clone())
    assert torch.allclose(found[0], found[1])


def test_an_evaluation_is_without_dropout():
    model = Model(dropout=0.9)
    ids = batch(4, torch.Generator().manual_seed(0))
    assert evaluate(model, ids) == evaluate(model, ids)
""",
}


@pytest.mark.parametrize(
    ("name", "caught", "missed", "alarms"),
    [
        (
            "decoder",
            [
                "each query sees one token ahead",
                "the head has a weight of its own",
                "the model is left in evaluation mode",
            ],
            ["the labels are smoothed in evaluation too"],
            ["test_that_is_wrong"],
        ),
        ("training", ["zero_grad is forgotten", "evaluated with dropout"], ["the best state is no copy"], []),
    ],
)
def test_tests_of_a_learner_are_run_on_each_bug(name, caught, missed, alarms):
    pytest.importorskip("torch")
    kind = kind_named(name, "torch")
    source, bugs = planted(kind.healthy, [bug for bug in kind.bugs if bug.label in (*caught, *missed)])
    report = hunts.Hunt(0, "staff", kind, source, tuple(bugs)).judge(source, TESTS[name])
    assert sorted(report.caught) == sorted(caught)
    assert report.missed == missed and report.false_alarms == alarms and not report.repaired
