"""What python.sh runs; the last line says what was tried."""

import copy
import json
import os
import pickle
import sys

import numpy as np

from cegzsl import CEGZSL, CEGZSLError, NotFittedError

folder = sys.argv[1]
random = np.random.default_rng(3)
SMALL = dict(noise_size=4, generator_width=32, critic_width=32, embedding_size=32, projection_size=8, comparator_width=16,
             evaluate_every=0, verbose=False)
GOOD = dict(SMALL, generator_width=64, critic_width=64, embedding_size=64, projection_size=16, comparator_width=32, instance_weight=0,
            class_weight=0.1, learning_rate=0.003, synthetic_per_class=60, classifier_epochs=25, classifier_learning_rate=0.01, batch_size=64)


def raises(kind, text, call, *arguments, **options):
    try:
        call(*arguments, **options)
    except kind as error:
        assert text in str(error), f"{error!r} does not say {text!r}"
        return error
    raise AssertionError(f"{kind.__name__} with {text!r} expected")


# Classes of five properties; every class of `hidden` is unseen.
mix = random.uniform(-1, 1, (5, 20))
descriptors = {f"class{c}": np.array([c >> a & 1 for a in range(5)], float) for c in range(32)}
hidden = ["class3", "class12", "class17", "class26", "class8"]


def rows(names, count=20):
    y = np.repeat(names, count)
    return np.array([descriptors[n] for n in y]) @ mix + 0.2 * random.standard_normal((len(y), 20)), y


X, y = rows([n for n in descriptors if n not in hidden and n != "class21"])
X_unseen, y_unseen = rows(hidden)
X_new, y_new = rows(["class21"])
without = {n: d for n, d in descriptors.items() if n != "class21"}

# As the guide has it: fit, predict, probabilities, embeddings, scores.
model = CEGZSL(max_iterations=300, seed=3, ranks=2, threads=1, **GOOD)
raises(NotFittedError, "not fitted", model.predict, X)
assert model.fit(X, y, without, unseen=hidden, X_test=X_unseen, y_test=y_unseen) is model
assert model.score(X, y) > 0.9 and model.score(X_unseen, y_unseen) > 0.6, (model.score(X, y), model.score(X_unseen, y_unseen))
assert model.score(X_unseen, y_unseen, classes="unseen") >= model.score(X_unseen, y_unseen)
results = json.load(open(model.run_directory + "/results.json"))
u, s, h = model.harmonic_score(np.concatenate([X, X_unseen]), np.concatenate([y, y_unseen]))
assert abs(u - results["unseen"]) < 1e-12 and s > 0.9 and abs(h - 2 * u * s / (u + s)) < 1e-12, (u, results["unseen"])
p = model.predict_proba(X_unseen)
assert p.shape == (100, 31) and np.abs(p.sum(1) - 1).max() < 1e-9 and (model.classes_[p.argmax(1)] == model.predict(X_unseen)).all()
assert list(model.classes_) == sorted(without)
only = model.predict_proba(X_unseen, classes="unseen")
assert (only.max(0) > 0).sum() == 5 and model.decision_function(X, classes="unseen").max() < np.inf
assert model.transform(X).shape == (len(X), 64) and (model.transform(X) >= 0).all()

# Views, other types, lists: the same answers.
wide = np.zeros((len(X), 40))
wide[:, ::2] = X
answers = model.predict(X)
for same in (wide[:, ::2], np.asfortranarray(X), X.astype(np.float32), X.astype(">f8"), X.tolist(), X[::-1][::-1]):
    assert (model.predict(same) == answers).all()
assert (model.predict(np.round(X).astype(int)) == model.predict(np.round(X))).all()

# Synthetic rows: of known classes, and of descriptors.
made, labels = model.synthesize(["class3", "class12"], per_class=7)
assert made.shape == (14, 20) and list(labels) == ["class3"] * 7 + ["class12"] * 7
again, labels = model.synthesize({"nobody": descriptors["class3"]}, per_class=7)
assert np.allclose(again, made[:7], atol=1e-5) and set(labels) == {"nobody"}
assert model.synthesize("class3", per_class=2, space="embedding")[0].shape == (2, 64)
assert not np.allclose(model.synthesize(["class3"], 7, seed=2)[0], made[:7])

# A class that was left out of everything.
assert model.score(X_new, y_new) == 0
before = model.run_directory
model.add_class("class21", descriptors["class21"])
assert model.classes_[-1] == "class21" and model.score(X_new, y_new) > 0.6, model.score(X_new, y_new)
assert model.score(X, y) > 0.9 and not os.path.exists(before)
raises(ValueError, "already", model.add_class, "class21", descriptors["class21"])
raises(CEGZSLError, "have 2 numbers, and the model takes 5", model.add_class, "class99", [1, 2])
assert model.predict_proba(X_new).shape[1] == 32

# U and H need rows of unseen classes.
seen_rows = ~np.isin(y, hidden)
u, s, h = model.harmonic_score(X[seen_rows], y[seen_rows])
assert np.isnan(u) and s > 0.5 and np.isnan(h), (u, s, h)
raises(ValueError, "empty", model.synthesize, {})
raises(ValueError, "empty", model.synthesize, [])
raises(ValueError, "needs a name", model.add_class, None, descriptors["class3"])

# A temporary run belongs to one object, in one process.
child = os.fork()
if child == 0:
    sys.exit(0)
os.waitpid(child, 0)
raises(TypeError, "run_directory", pickle.dumps, model)
temporary = os.path.dirname(model.run_directory)
assert os.path.exists(temporary)
del model
assert not os.path.exists(temporary), "the run outlives its model"

# A run with a place stays, is loaded again, copied, and never overwritten.
place = os.path.join(folder, "kept")
kept = CEGZSL(max_iterations=2, run_directory=place, **SMALL).fit(X, y, descriptors, unseen=hidden + ["class21"])
answers = kept.predict(X[:50])
assert kept.run_directory == place and (copy.copy(kept).predict(X[:50]) == answers).all()
assert (pickle.loads(pickle.dumps(kept)).predict(X[:50]) == answers).all()
error = raises(CEGZSLError, "already holds a run", kept.fit, X, y, descriptors, unseen=hidden + ["class21"])
assert error.status == 64
del kept
loaded = CEGZSL.load(place, verbose=False)
assert (loaded.predict(X[:50]) == answers).all() and loaded.n_features_in_ == 20 and len(loaded.classes_) == 32
loaded.add_class("new", descriptors["class3"])
assert loaded.predict_proba(X[:5]).shape == (5, 33) and os.path.exists(place) and loaded.run_directory != place
raises(TypeError, "to add_class too", pickle.dumps, loaded)
loaded.add_class("newer", descriptors["class12"], run_directory=folder + "/with-newer")
again = pickle.loads(pickle.dumps(loaded))
assert again.run_directory == folder + "/with-newer" and (again.predict_proba(X[:5]) == loaded.predict_proba(X[:5])).all()
assert "newer" in CEGZSL.load(folder + "/with-newer", verbose=False).classes_
del loaded

loaded = CEGZSL.load(os.path.relpath(place), verbose=False)
os.chdir(folder)
assert (loaded.predict(X[:50]) == answers).all(), "a run by a relative path"
del loaded

# Three classes; labels that are numbers; a matrix of descriptors; nothing to test on.
few = np.repeat([0, 1], 15)
three = CEGZSL(max_iterations=2, **SMALL).fit(random.standard_normal((30, 6)) + few[:, None], few, np.eye(3)[:, :2] + 1, unseen=[2])
answers = three.predict(random.standard_normal((40, 6)))
assert answers.dtype.kind == "i" and set(answers) <= {0, 1, 2} and list(three.classes_) == [0, 1, 2]
keys = CEGZSL(max_iterations=1, **SMALL).fit(random.standard_normal((30, 6)), few, {0: [1, 2], 1: [2, 1], 2: [3, 3]}, unseen={2}).classes_
assert list(keys) == [0, 1, 2]
floats = CEGZSL(max_iterations=1, **SMALL).fit(random.standard_normal((30, 6)), few.astype(float), {0: [1, 2], 1: [2, 1], 2: [3, 3]})
assert floats.predict_proba(np.zeros((1, 6))).shape == (1, 3), "unseen classes are those that y lacks"
texts = CEGZSL(max_iterations=1, **SMALL).fit(
    random.standard_normal((30, 6)), np.array(["=a,b", 'größer "x"'], object)[few], {"=a,b": [1, 2], 'größer "x"': [2, 1], "日本": [3, 3]})
assert set(texts.predict(np.zeros((2, 6)))) <= set(texts.classes_) and texts.synthesize(["=a,b"], 2)[1].tolist() == ["=a,b"] * 2
assert texts.synthesize(['größer "x"', "日本"], 1)[0].shape == (2, 6)
texts.add_class("a,b\tc", [1, 1])
assert texts.predict_proba(np.zeros((2, 6))).shape == (2, 4)

# Errors: ours before anything runs, the program's in its words.
fresh = CEGZSL(max_iterations=1, **SMALL)
bad = X.copy()
bad[7, 2] = np.nan
raises(ValueError, "X[7, 2] is nan", fresh.fit, bad, y, descriptors)
bad[7, 2] = 1e300
raises(ValueError, "X[7, 2] is 1e+300", fresh.fit, bad, y, descriptors)
raises(ValueError, "1 dimensions", fresh.fit, X[0], y, descriptors)
raises(ValueError, "must be of numbers", fresh.fit, X.astype(str), y, descriptors)
raises(ValueError, "label for each", fresh.fit, X, y[:-1], descriptors)
raises(ValueError, "descriptors are needed", fresh.fit, X, y)
raises(ValueError, "no descriptor for class0", fresh.fit, X, y, {n: d for n, d in descriptors.items() if n != "class0"})
raises(ValueError, "every class has rows", fresh.fit, X, y, {n: descriptors[n] for n in set(y)})
raises(ValueError, "different lengths", fresh.fit, X, y, {**descriptors, "class0": [1]})
raises(ValueError, "X has no rows", fresh.fit, X[:0], y[:0], descriptors)
raises(ValueError, "X has masked values", fresh.fit, np.ma.masked_less(X, X.min() + 1e-9), y, descriptors)
raises(ValueError, "y has masked values", fresh.fit, X, np.ma.masked_equal(y, y[0]), descriptors)
raises(ValueError, "no X_test", fresh.fit, X, y, descriptors, y_test=y)
for name in ("data", "run", "help"):
    raises(ValueError, "no option here", CEGZSL(**{name: "x"}, **SMALL).fit, X, y, descriptors)
raises(ValueError, "texts and numbers", fresh.fit, np.zeros((30, 6)), few, np.ones((3, 2)), unseen=["2"])
raises(ValueError, "at least 1", CEGZSL(threads=0, **SMALL).fit, X, y, descriptors)
raises(ValueError, "has no descriptor", fresh.fit, X, y, descriptors, unseen=["nobody"])
raises(ValueError, "finite", fresh.fit, X, y, {**descriptors, "class0": [np.nan] * 5})
error = raises(CEGZSLError, "there is no option '--epoch'", CEGZSL(epoch=3, verbose=False).fit, X, y, descriptors)
assert error.status == 64 and "--epochs" in error.message and not str(error).startswith("cegzsl:")
raises(CEGZSLError, "learning-rate", CEGZSL(**{**SMALL, "learning_rate": -1}).fit, X, y, descriptors)
raises(CEGZSLError, "holds no run", CEGZSL.load, folder, verbose=False)
raises(CEGZSLError, "cannot be started", CEGZSL(program="/nowhere/cegzsl", **SMALL).fit, X, y, descriptors)
raises(ValueError, "8 features", three.predict, np.zeros((1, 8)))
raises(ValueError, "no rows", three.predict, np.zeros((0, 6)))
raises(ValueError, "'all' or 'unseen'", three.predict, np.zeros((1, 6)), classes="seen")

# Parameters as scikit-learn has them.
one = CEGZSL(epochs=3, ranks=2, seed=4, descriptors=descriptors)
assert one.get_params()["epochs"] == 3 and one.get_params()["descriptors"] is descriptors
assert one.set_params(epochs=5, seed=1) is one and one.get_params()["epochs"] == 5 and one.seed == 1
assert repr(one) == "CEGZSL(ranks=2, epochs=5)", repr(one)
done, missing = ["arrays, lists, views, numbers and texts"], []

try:
    import pandas
except ImportError:
    missing.append("pandas")
else:
    frame = pandas.DataFrame(X, columns=[f"f{i}" for i in range(20)])
    table = pandas.DataFrame.from_dict(descriptors, orient="index")
    framed = CEGZSL(max_iterations=2, seed=1, **SMALL).fit(frame, pandas.Series(y, dtype="category"), table, unseen=pandas.Series(hidden + ["class21"]))
    plain = CEGZSL(max_iterations=2, seed=1, **SMALL).fit(X, y, descriptors, unseen=hidden + ["class21"])
    assert (framed.predict(frame) == plain.predict(X)).all() and (framed.predict_proba(frame) == plain.predict_proba(X)).all()
    raises(ValueError, "another order", framed.predict, frame[frame.columns[::-1]])
    raises(ValueError, "twice", fresh.fit, frame, y, pandas.concat([table, table[:1]]))
    assert framed.synthesize(table[:1], 3)[1].tolist() == [table.index[0]] * 3
    done.append("pandas")

try:
    import scipy.sparse
except ImportError:
    missing.append("scipy")
else:
    # Sparse rows, and names as HDF5 has them.
    two = CEGZSL(max_iterations=2, seed=1, **SMALL).fit(X, y, descriptors, unseen=hidden + ["class21"])
    coded = {name.encode(): row for name, row in descriptors.items()}
    sparse = CEGZSL(max_iterations=2, seed=1, **SMALL).fit(scipy.sparse.csr_matrix(X), y.astype("S"), coded,
                                                           unseen=np.array(hidden + ["class21"]).astype("S"))
    assert (sparse.predict_proba(scipy.sparse.csc_array(X)) == two.predict_proba(X)).all() and (sparse.classes_ == two.classes_).all()
    assert sparse.score(scipy.sparse.csr_matrix(X), y.astype("S")) == two.score(X, y)
    done.append("scipy")

try:
    import sklearn.base
    import sklearn.model_selection
    import sklearn.pipeline
    import sklearn.preprocessing
except ImportError:
    missing.append("scikit-learn")
else:
    base = CEGZSL(max_iterations=60, descriptors=descriptors, unseen=hidden + ["class21"], **GOOD)
    cloned = sklearn.base.clone(base)
    assert cloned is not base and cloned.get_params().keys() == base.get_params().keys() and sklearn.base.is_classifier(base)
    scores = sklearn.model_selection.cross_val_score(base, X, y, cv=3)
    assert scores.shape == (3,) and scores.min() > 0.5, scores
    search = sklearn.model_selection.GridSearchCV(
        CEGZSL(descriptors=descriptors, unseen=hidden + ["class21"], **SMALL), {"max_iterations": [1]}, cv=2, refit=False).fit(X, y)
    assert search.best_params_["max_iterations"] == 1
    pipe = sklearn.pipeline.make_pipeline(sklearn.preprocessing.StandardScaler(), sklearn.base.clone(base).set_params(max_iterations=1)).fit(X, y)
    assert pipe.predict(X[:3]).shape == (3,)
    done.append("scikit-learn")

print("ok: " + ", ".join(done) + (f" (NOT RUN: {', '.join(missing)})" if missing else ""))
