"""The weights of a stacked head, held against the function that they minimise (Method.md, Heads), in numpy's doubles. What was kept of a run's first
phase is read: its exported parts and its validation rows.

    stacking.py DATA.npz EXPORTED.npz validation.csv"""

import csv
import sys

import exported
import numpy as np

data = np.load(sys.argv[1], allow_pickle=False)
arrays = np.load(sys.argv[2], allow_pickle=False)
rows = list(csv.DictReader(open(sys.argv[3])))
x = data["features"][[int(r["row"]) for r in rows]].astype(float)
names = [str(n) for n in arrays["class_names"]]
labels = np.array([names.index(r["class"]) for r in rows])
unseen = {r["class"] for r in rows if r["role"] == "unseen"}
candidates = [names.index(str(n)) for n in arrays["candidates"]]
is_seen = np.array([float(names[c] not in unseen) for c in candidates])

arrays = {name: arrays[name].astype(float) for name in arrays.files if arrays[name].dtype == np.float32}
scaled = exported.scale(arrays, x)
parts = exported.part_scores(arrays, scaled, exported.embed(arrays, scaled))
if not arrays["softmax.weight"].any():
    del parts["softmax"]
s = np.stack([p[:, candidates] for p in parts.values()], 2)
assert len(parts) > 1 and np.isfinite(s).all(), list(parts)
deviation = s.std((0, 1))

# A row counts as its share of its class, a class as its share of its kind, each kind a half.
share = np.zeros(len(rows))
for kind in ("seen", "unseen"):
    own = np.array([r["role"] == kind for r in rows])
    classes = np.unique(labels[own])
    for c in classes:
        share[own & (labels == c)] = 0.5 / len(classes) / (own & (labels == c)).sum()
assert abs(share.sum() - 1) < 1e-9
place = np.array([candidates.index(c) for c in labels])
# With the factors of the parts and γ as unknowns: (s, −seen) of each candidate.
features = np.concatenate([s, np.broadcast_to(-is_seen[None, :, None], s.shape[:2] + (1,))], 2)
penalty = np.append(1e-4 * deviation**2, 0)


def loss(t):
    e = features @ t
    e -= e.max(1, keepdims=True)
    p = np.exp(e)
    p /= p.sum(1, keepdims=True)
    right = np.arange(len(rows))
    value = (penalty * t**2).sum() - (share * np.log(p[right, place])).sum()
    mean = (p[:, :, None] * features).sum(1)
    gradient = 2 * penalty * t + (share[:, None] * (mean - features[right, place])).sum(0)
    centred = (features - mean[:, None]) * np.sqrt(share[:, None, None] * p[:, :, None])
    flat = centred.reshape(-1, len(t))
    return value, gradient, flat.T @ flat + np.diag(2 * penalty)


# The best γ for the weights as they are, then the best of all.
t = np.append(np.ones(len(parts)), 0.0)
for _ in range(50):
    _, gradient, curvature = loss(t)
    t[-1] -= gradient[-1] / curvature[-1, -1]
here = loss(t)[0]
best = t.copy()
for _ in range(50):
    value, gradient, curvature = loss(best)
    step, size = np.linalg.solve(curvature, -gradient), 1.0
    while size > 1e-9 and loss(best + size * step)[0] > value:
        size /= 2
    best = best + size * step
least, far = loss(best)[0], np.abs(best[:-1] - 1).max()
assert (best[:-1] > 0).all(), best
assert here - least < 1e-6 and far < 0.02, ("other weights are better", here, least, best)
for k in range(len(parts)):
    other = best.copy()
    other[k] *= 1.2
    assert loss(other)[0] > least, "the function is flat, and shows nothing"
print(f"numpy finds the weights of {len(parts)} stacked parts within {far:.0e} of ours")
