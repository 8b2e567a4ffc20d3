"""Reads what export.sh has written, with those clients that are installed; the last line says which."""

import json
import sys

import exported
import numpy as np

folder = sys.argv[1]
data = np.load(folder + "/demo.npz", allow_pickle=False)
x, names = data["features"].astype(np.float32), [str(name) for name in data["classes"]]
logits = {name: np.load(f"{folder}/{name}.npy") for name in ("run", "plain", "unseen", "stacked")}
embeddings = np.load(folder + "/run-embedding.npy")
done, missing = [], []


def close(a, b, what):
    """Within 1e-5 of each other, relative to the row's largest where that is over 1; -inf in the same places.

    A small logit in a row of large ones is a difference of large terms, which the order of a sum rounds by more than 1e-5 of what is left.
    """
    assert a.shape == b.shape, (what, a.shape, b.shape)
    assert (np.isneginf(a) == np.isneginf(b)).all(), what
    finite = np.isfinite(b)
    assert finite.any() and np.isfinite(a[finite]).all(), what
    largest = np.maximum(1, np.abs(np.where(finite, b, 0)).max(1, keepdims=True))
    far = np.abs(np.where(finite, a, 0) - np.where(finite, b, 0)) / largest
    assert far.max() < 1e-5, (what, far.max())


def classify(arrays, x):
    """Logits and embeddings, calculated in double precision, so that the rounding of one side alone is measured."""
    arrays = {key: value.astype(np.float64) if value.dtype == np.float32 else value for key, value in arrays.items()}
    scaled = exported.scale(arrays, x.astype(np.float64))
    h = exported.embed(arrays, scaled)
    return sum(exported.part_scores(arrays, scaled, h).values()), h


with np.load(folder + "/classifier.npz", allow_pickle=False) as arrays:
    close(classify(arrays, x)[0], logits["run"], "npz")
    close(classify(arrays, x)[1], embeddings, "npz embeddings")
    assert [str(n) for n in arrays["class_names"]] == names and str(arrays["part"][0]) == "classifier"
with np.load(folder + "/generator.npz", allow_pickle=False) as arrays:
    generator = {name: arrays[name] for name in arrays.files}
with np.load(folder + "/stacked.npz", allow_pickle=False) as arrays:
    assert any(name.endswith(".targets") for name in arrays.files), "a stacked head of one part shows little"
    close(classify(arrays, x)[0], logits["stacked"], "npz, stacked")
    assert str(arrays["head"][0]) == "stacked" and float(str(arrays["gamma"][0])) == float(str(arrays["gamma"][0]))
done.append("numpy")


def generate(noise, descriptors):
    scaled = exported.generate(generator, noise, descriptors)
    return scaled * generator["scaler.maximum"] * generator["scaler.range"] + generator["scaler.minimum"]


rows = np.load(folder + "/rows.npz", allow_pickle=False)
assert rows["features"].shape == (3000, x.shape[1]) and set(rows["labels"]) == set(rows["classes"]) == {names[0]}
assert len(np.unique(rows["features"], axis=0)) > 2900, "synthetic rows repeat"
other = np.load(folder + "/other.npz", allow_pickle=False)
assert not (other["features"] == rows["features"][:5]).all(), "another seed, the same rows"
every = np.load(folder + "/all.npz", allow_pickle=False)
assert [str(n) for n in every["labels"]] == [n for name in names for n in (name, name)]
# The first two rows of the first class have the same noise either way.
close(every["features"][:2], rows["features"][:2], "by name and by descriptor")
_, h = classify(np.load(folder + "/classifier.npz", allow_pickle=False), rows["features"][:5])
drawn = np.load(folder + "/embeddings.npz", allow_pickle=False)["embeddings"]
assert np.abs(h - drawn).max() < 1e-4, "embeddings of synthetic rows"

try:
    from safetensors import safe_open
except ImportError:
    missing.append("safetensors")
else:
    with safe_open(folder + "/classifier.safetensors", framework="np") as file:
        close(classify({key: file.get_tensor(key) for key in file.keys()}, x)[0], logits["run"], "safetensors")
        assert json.loads(file.metadata()["class_names"]) == names
    done.append("safetensors")

try:
    import scipy.io
except ImportError:
    missing.append("scipy")
else:
    mat = scipy.io.loadmat(folder + "/rows.mat")
    assert (mat["features"].T == rows["features"]).all() and set(mat["labels"].ravel()) == {1}
    assert str(mat["allclasses_names"].ravel()[0].item()) == names[0]
    done.append("scipy")

try:
    import onnx
except ImportError:
    missing.append("onnx")
else:
    for name in ("classifier", "embedding", "generator", "unseen", "plain", "stacked"):
        onnx.checker.check_model(onnx.load(f"{folder}/{name}.onnx"), full_check=True)
    done.append("onnx.checker")

try:
    import onnxruntime
except ImportError:
    missing.append("onnxruntime")
else:
    def session(name):
        return onnxruntime.InferenceSession(f"{folder}/{name}.onnx", providers=["CPUExecutionProvider"])

    for name, of in (("classifier", "run"), ("plain", "plain"), ("unseen", "unseen"), ("stacked", "stacked")):
        graph = session(name)
        for count in (1, 7, len(x)):
            found, probabilities = graph.run(["logits", "probabilities"], {"features": x[:count]})
            close(found, logits[of][:count], f"{name}, {count} rows")
            assert np.abs(probabilities.sum(1) - 1).max() < 1e-5
        meta = graph.get_modelmeta().custom_metadata_map
        assert json.loads(meta["class_names"]) == names
        unseen = json.loads(meta["unseen_classes"])
        assert sorted(unseen) == sorted(str(n) for n in data["unseen"])
        assert sorted(json.loads(meta["candidates"])) == sorted(unseen if name == "unseen" else names)
    close(session("embedding").run(None, {"features": x})[0], embeddings, "embedding")
    random = np.random.default_rng(1)
    noise = random.standard_normal((len(names), generator["generator.fc1.weight"].shape[1] - data["descriptors"].shape[1]))
    inputs = {"noise": noise.astype(np.float32), "descriptors": data["descriptors"].astype(np.float32)}
    features = session("generator").run(None, inputs)[0]
    close(features, generate(**inputs), "generator")
    done.append("onnxruntime")

print("read by " + ", ".join(done) + (f" (NOT RUN: {', '.join(missing)})" if missing else ""))
