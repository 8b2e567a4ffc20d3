#!/bin/sh
# The figures of a run, recomputed from what it leaves: AUSUC, γ, the ridge regression and the Gaussian classes by a few lines of numpy (PEER_PYTHON names a
# Python with numpy). Both phases of a run that selects resume, on any number of ranks; 'baseline' and 'evaluate' say the same.
. "$(dirname -- "$0")/support/common.sh"

set -- --select validation --head stacked --seed 3 --max-iterations 6 --evaluate-every 2 --checkpoint-every 1
expect 0 train 1 "$scratch/whole" "$@"
said "two phases. The first: 6 iterations"
said "chosen on held-out classes"
said "without a network, ridge"
for file in results.json figures.json selection.json selection/validation.csv; do
  [ -s "$scratch/whole/$file" ] || fail "there is no $file"
done

grep -q "\"program_sha256\".*$(sha256sum <"$program" | cut -d ' ' -f 1)" "$scratch/whole/results.json" || fail "results.json does not name the program"

# As after a crash in the first phase, and then in the second: it goes on on other ranks, and ends with the same bytes.
same() {
  for file in figures.json selection.json selection/evaluations.jsonl; do
    cmp "$scratch/whole/$file" "$scratch/parts/$file" >"$scratch/output" 2>&1 || fail "$file is another one after a phase went on"
  done
}
cp -r "$scratch/whole" "$scratch/parts"
rm -r "$(checkpoint "$scratch/parts/selection" 6)" "$scratch/parts/checkpoints"
(cd "$scratch/parts" && rm selection.json results.json figures.json evaluations.jsonl metrics.jsonl)
expect 0 train 2 "$scratch/parts" "$@" --resume latest
said "resuming .*/selection/checkpoints/iteration-000000005"
same
newest=$(find "$scratch/parts/checkpoints" -name 'iteration-*' | sort | tail -n 1)
rm -r "$newest" "$scratch/parts/figures.json"
expect 0 train 3 "$scratch/parts" "$@" --resume latest
same

expect 64 train 1 "$scratch/refused" --head stacked
said "train with --select validation"
expect 0 "$program" baseline --data "$demo" --seed 3 --output "$scratch/baseline.json"
said "ESZSL"
expect 0 "$program" evaluate --data "$demo" --checkpoint "$scratch/whole" --predictions "$scratch/rows.csv" --output "$scratch/again.json"
for name in unseen seen harmonic zsl ausuc; do
  for run in whole/results.json again.json; do grep "^  \"$name\"" "$scratch/$run" >"$scratch/$name.$(basename "$run")"; done
  cmp "$scratch/$name.results.json" "$scratch/$name.again.json" >"$scratch/output" 2>&1 || fail "evaluate says another $name"
done

python=${PEER_PYTHON:-python3}
if ! "$python" -c 'import numpy' 2>/dev/null; then
  passed "NOT RUN with numpy, which $python lacks; phases resume, and evaluate repeats the figures"
  exit 0
fi
expect 0 "$program" convert "$demo" "$scratch/data.npz"
cat >"$scratch/recompute.py" <<'PYTHON'
import csv, json, sys
import numpy as np

run, rows_file, baseline_file, data_file = sys.argv[1:]
results = json.load(open(run + "/results.json"))

def per_class(right, label):
    return np.mean([right[label == c].mean() for c in np.unique(label)])

def curve(seen_right, seen_label, seen_margin, unseen_right, unseen_label, unseen_margin):
    margins = np.unique(np.concatenate([seen_margin, unseen_margin]))
    gammas = np.concatenate([[margins[0] - 1], (margins[1:] + margins[:-1]) / 2, [margins[-1] + 1]])
    s = np.array([per_class(seen_right & (seen_margin > g), seen_label) for g in gammas])
    u = np.array([per_class(unseen_right & (unseen_margin <= g), unseen_label) for g in gammas])
    return gammas, s, u, np.sum((s[:-1] - s[1:]) * (u[:-1] + u[1:]) / 2)

def of_file(name):
    rows = list(csv.DictReader(open(name)))
    parts = []
    for role, best in [("seen", "best_seen"), ("unseen", "best_unseen")]:
        own = [r for r in rows if r["role"] == role]
        parts += [np.array([r[best] == r["class"] for r in own]), np.array([r["class"] for r in own]),
                  np.array([float(r["margin"]) for r in own])]
    return parts

def near(name, found, expected):
    assert abs(found - expected) < 1e-6, (name, found, expected)

# The test rows: AUSUC, and U and S at the run's γ.
parts = of_file(rows_file)
near("AUSUC", curve(*parts)[3], results["ausuc"])
gamma = results["calibrated"]["gamma"]
near("S at γ", per_class(parts[0] & (parts[2] > gamma), parts[1]), results["calibrated"]["seen"])
near("U at γ", per_class(parts[3] & (parts[5] <= gamma), parts[4]), results["calibrated"]["unseen"])
# The validation rows: AUSUC, and that γ has the highest H.
parts = of_file(run + "/selection/validation.csv")
gammas, s, u, area = curve(*parts)
near("AUSUC of validation", area, results["validation"]["ausuc"])
h = 2 * s * u / np.maximum(s + u, 1e-30)
own = np.array([per_class(parts[0] & (parts[2] > gamma), parts[1]), per_class(parts[3] & (parts[5] <= gamma), parts[4])])
near("H of validation", 2 * own.prod() / own.sum(), h.max())

# The ridge regression, from the features on.
data = np.load(data_file, allow_pickle=False)
x, a = data["features"].astype(float), data["descriptors"].astype(float)
names = [str(n) for n in data["classes"]]
y = np.array([names.index(str(n)) for n in data["labels"]])
rows = list(csv.DictReader(open(rows_file)))
seen_rows = np.array([int(r["row"]) for r in rows if r["role"] == "seen"])
unseen_rows = np.array([int(r["row"]) for r in rows if r["role"] == "unseen"])
assert [names[c] for c in y[seen_rows]] == [r["class"] for r in rows if r["role"] == "seen"], "other rows"
train = np.setdiff1d(np.arange(len(y)), np.concatenate([seen_rows, unseen_rows]))
seen, unseen = np.unique(y[train]), np.setdiff1d(np.arange(len(a)), y[train])
z = (x - x[train].mean(0)) / np.where(x[train].std(0) > 0, x[train].std(0), 1)
d = a / np.linalg.norm(a, axis=1, keepdims=True)
d = d - d[seen].mean(0)
m = np.stack([z[train][y[train] == c].mean(0) for c in seen])
k = d[seen] @ d[seen].T
ridge = json.load(open(baseline_file))["ridge"]
w = d[seen].T @ np.linalg.solve(k + ridge["lambda"] * np.trace(k) / len(k) * np.eye(len(k)), m)
t = d @ w
of_ridge = (z / np.linalg.norm(z, axis=1, keepdims=True)) @ (t / np.linalg.norm(t, axis=1, keepdims=True)).T

# Gaussian classes: means by kernel ridge regression, one covariance.
gaussian = json.load(open(baseline_file))["gaussian"]
kernel = d @ d[seen].T
if "kernel_width" in gaussian:
    squares = ((d[:, None] - d[seen][None]) ** 2).sum(2)
    among = np.sort(squares[seen][np.tril_indices(len(seen), -1)])
    kernel = np.exp(-squares / gaussian["kernel_width"] / among[len(among) // 2])
own = kernel[seen]
means = m.mean(0) + kernel @ np.linalg.solve(own + gaussian["lambda"] * np.trace(own) / len(own) * np.eye(len(own)), m - m.mean(0))
rest = z[train] - m[np.searchsorted(seen, y[train])]
c = rest.T @ rest / len(rest)
c = (1 - gaussian["shrinkage"]) * c + gaussian["shrinkage"] * np.trace(c) / len(c) * np.eye(len(c))
solved = np.linalg.solve(c, means.T)
of_gaussians = z @ solved - (means.T * solved).sum(0) / 2

# ESZSL, with the constants that the file names.
eszsl = json.load(open(baseline_file))["eszsl"]
unit = a / np.linalg.norm(a, axis=1, keepdims=True)
own, signs = unit[seen], np.where(y[train][:, None] == seen, 1.0, -1.0)
gram, products = z[train].T @ z[train], own.T @ own
v = np.linalg.solve(gram + eszsl["feature_gamma"] * len(train) * np.eye(len(gram)), z[train].T @ signs @ own)
v = np.linalg.solve(products + eszsl["lambda"] * np.trace(products) / len(products) * np.eye(len(products)), v.T).T
of_eszsl = z @ v @ unit.T

for method, scores in [("ridge", of_ridge), ("gaussian", of_gaussians), ("eszsl", of_eszsl)]:
    def best(r, classes):
        return classes[scores[np.ix_(r, classes)].argmax(1)], scores[np.ix_(r, classes)].max(1)
    margins = {}
    right = {}
    for name, r, classes in [("seen", seen_rows, seen), ("unseen", unseen_rows, unseen)]:
        right[name] = best(r, classes)[0] == y[r]
        margins[name] = best(r, seen)[1] - best(r, unseen)[1]
    found = curve(right["seen"], y[seen_rows], margins["seen"], right["unseen"], y[unseen_rows], margins["unseen"])
    for file in filter(None, (json.load(open(baseline_file))[method], results["baselines"].get(method))):
        near(method + "'s AUSUC", found[3], file["ausuc"])
        near(method + "'s T1", per_class(right["unseen"], y[unseen_rows]), file["zsl"])
        near(method + "'s S", per_class(right["seen"] & (margins["seen"] > 0), y[seen_rows]), file["seen"])
        near(method + "'s U", per_class(right["unseen"] & (margins["unseen"] <= 0), y[unseen_rows]), file["unseen"])
PYTHON
expect 0 "$python" "$scratch/recompute.py" "$scratch/whole" "$scratch/rows.csv" "$scratch/baseline.json" "$scratch/data.npz"
passed "numpy finds the same AUSUC, γ, ridge regression and Gaussian classes; both phases resume, and evaluate repeats the figures"
