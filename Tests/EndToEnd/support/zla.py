"""Zero-shot logit adjustment (Chen, Shen, Zhang, Torr, IJCAI 2022) in numpy's doubles; see zla.sh."""

import csv
import sys

import exported
import numpy as np
from exported import unit

folder = sys.argv[1]
seed, iterations, epochs, rate, per_class = int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5]), int(sys.argv[6])
TEMPERATURE, CLASSIFIER_WEIGHTS, SYNTHESIS = 0.04, 7, 6
U64 = np.uint64


def philox(block, row, step, stream):
    """Philox4x32-10 (Salmon et al., SC 2011): four words for each counter."""
    c = [np.broadcast_to(np.asarray(v, U64), np.broadcast_shapes(np.shape(block), np.shape(row))) for v in (block, row, step, stream)]
    k, low = [seed & 0xFFFFFFFF, seed >> 32], U64(0xFFFFFFFF)
    for _ in range(10):
        p, q = U64(0xD2511F53) * c[0], U64(0xCD9E8D57) * c[2]
        c = [q >> U64(32) ^ c[1] ^ U64(k[0]), q & low, p >> U64(32) ^ c[3] ^ U64(k[1]), p & low]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return [v.astype(float) for v in c]


def normal(rows, columns, stream, step):
    """Box and Muller: two words make a pair, a block of four columns has two."""
    w = philox(np.arange((columns + 3) // 4)[None, :], np.arange(rows)[:, None], step, stream)
    pairs = []
    for first, second in ((w[0], w[1]), (w[2], w[3])):
        radius, angle = np.sqrt(-2 * np.log((first + 1) / 2**32)), 2 * np.pi * second / 2**32
        pairs += [radius * np.cos(angle), radius * np.sin(angle)]
    return np.stack(pairs, 2).reshape(rows, -1)[:, :columns]


data = np.load(folder + "/data.npz", allow_pickle=False)
with np.load(folder + "/classifier.npz", allow_pickle=False) as file:
    model = {name: file[name].astype(float) for name in file.files if file[name].dtype == np.float32}
with np.load(folder + "/generator.npz", allow_pickle=False) as file:
    model.update({name: file[name].astype(float) for name in file.files if name.startswith("generator.")})
names = [str(n) for n in data["classes"]]
features, a = data["features"].astype(float), data["descriptors"].astype(float)
y = np.array([names.index(str(n)) for n in data["labels"]])
tests = {int(r["row"]): r["role"] for r in csv.DictReader(open(folder + "/tests.csv"))}
train = np.array([r for r in range(len(y)) if r not in tests])
unseen = np.setdiff1d(np.arange(len(names)), y[train])

h = exported.embed(model, exported.scale(model, features))
labels = np.repeat(unseen, per_class)
noise = normal(len(labels), model["generator.fc1.weight"].shape[1] - a.shape[1], SYNTHESIS, 2 * iterations)
synthetic = exported.embed(model, exported.generate(model, noise, a[labels]))

mean, deviation = h[train].mean(0), h[train].std(0)
deviation = np.where(deviation > 1e-6 * np.abs(mean), deviation, 1)
x = unit((np.concatenate([h[train], synthetic]) - mean) / deviation)
label = np.concatenate([y[train], labels])
share = np.maximum(np.bincount(label, minlength=len(names)), 1) / len(label)

d = unit(a)
w = 0.02 * normal(x.shape[1], d.shape[1], CLASSIFIER_WEIGHTS, 4 * iterations + 2)
parameters = [w, np.zeros(x.shape[1])]
moments = [[np.zeros_like(p), np.zeros_like(p)] for p in parameters]
for step in range(1, epochs + 1):
    raw = d @ parameters[0].T + parameters[1]
    norm = np.linalg.norm(raw, axis=1, keepdims=True)
    p = raw / norm
    scores = x @ p.T / TEMPERATURE + np.log(share)
    delta = np.exp(scores - scores.max(1, keepdims=True))
    delta /= delta.sum(1, keepdims=True)
    delta[np.arange(len(label)), label] -= 1
    dp = (delta / len(label) / TEMPERATURE).T @ x
    dp = (dp - (dp * p).sum(1, keepdims=True) * p) / norm
    for k, gradient in enumerate((dp.T @ d, dp.sum(0))):
        m, v = moments[k]
        m += 0.5 * (gradient - m)
        v += 0.001 * (gradient**2 - v)
        parameters[k] = parameters[k] - rate * m / (1 - 0.5**step) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)

targets = unit(d @ parameters[0].T + parameters[1])
scores = unit((h - mean) / deviation) @ targets.T
logits = np.load(folder + "/logits.npy")
before = unit((h - mean) / deviation) @ unit(d @ w.T).T
weight = float(model["zla.weight"][0])
assert logits.shape == scores.shape and np.isfinite(logits).all()
moved, far = np.abs(weight * (scores - before)).max(), np.abs(logits - weight * scores).max()
assert moved > 0.2, ("training does nothing", moved)
assert far < 1e-4, ("other scores", far)
print(f"numpy trains the same zero-shot logit adjustment: scores within {far:.0e} of ours, after moving by {moved:.2f}")
