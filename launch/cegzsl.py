"""CE-GZSL from Python: trains and uses models by running the program cegzsl. One file, numpy alone.

    from cegzsl import CEGZSL
    model = CEGZSL(epochs=30, batch_size=256, ranks=2)
    model.fit(X, y, descriptors={"zebra": [...], "horse": [...], ...}, unseen=["zebra"])
    model.predict(X_new)

Rows of X are examples, features of any kind. Every class has a descriptor; those in `unseen` have no rows, and are recognised by their
descriptors alone. The model follows scikit-learn's conventions (get_params, clone, cross_val_score), but does not need it.

The program: $CEGZSL, else the release build or bundle that this file belongs to (launch/build makes it), else cegzsl on the PATH.
"""

import csv
import io
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import weakref

import numpy as np

__all__ = ["CEGZSL", "CEGZSLError", "NotFittedError"]

_LAUNCH = os.path.dirname(os.path.abspath(__file__))


class CEGZSLError(RuntimeError):
    """The program ended with an error. `status` is its exit status, `message` what it said."""

    def __init__(self, status, message):
        super().__init__(message or f"cegzsl ended with status {status}")
        self.status = status
        self.message = message


class NotFittedError(ValueError, AttributeError):
    """The model was used before `fit` or `load`."""


class CEGZSL:
    """A classifier for seen and unseen classes.

    Parameters
    ----------
    ranks : MPI processes to train with; the result does not depend on them.
    threads : of each rank; None: the machine's cores, divided among the ranks.
    seed : of everything random.
    run_directory : where the run is kept; None: a temporary folder, removed with the model. It must not hold a run yet.
    descriptors, unseen : as for `fit`, for callers such as cross_val_score that give X and y alone.
    program : the program's path; None: found as the module says.
    verbose : show the program's progress on standard error.
    **options : options of `cegzsl train`, with underscores: epochs, batch_size, learning_rate, embedding_size, preset, …
    """

    _estimator_type = "classifier"
    _OWN = ("ranks", "threads", "seed", "run_directory", "descriptors", "unseen", "program", "verbose")

    def __init__(self, *, ranks=1, threads=None, seed=1, run_directory=None, descriptors=None, unseen=None, program=None,
                 verbose=True, **options):
        self.ranks = ranks
        self.threads = threads
        self.seed = seed
        # The run of a fitted model is `run_directory` too; what was asked for stays a parameter.
        self._asked_directory = run_directory
        self._run = None
        self.descriptors = descriptors
        self.unseen = unseen
        self.program = program
        self.verbose = verbose
        self._options = dict(options)

    # Parameters, as scikit-learn has them

    def get_params(self, deep=True):
        own = {name: getattr(self, name) for name in self._OWN if name != "run_directory"}
        return {**own, "run_directory": self._asked_directory, **self._options}

    def set_params(self, **params):
        for name, value in params.items():
            if name == "run_directory":
                self._asked_directory = value
            elif name in self._OWN:
                setattr(self, name, value)
            else:
                self._options[name] = value
        return self

    def __repr__(self):
        defaults = CEGZSL().get_params()
        shown = [f"{k}={v!r}" for k, v in self.get_params().items()
                 if k not in defaults or (k not in ("descriptors", "unseen") and v != defaults[k])]
        return f"CEGZSL({', '.join(shown)})"

    def __sklearn_tags__(self):
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags
        return Tags(estimator_type="classifier", target_tags=TargetTags(required=True), transformer_tags=None,
                    regressor_tags=None, classifier_tags=ClassifierTags(), input_tags=InputTags())

    def __sklearn_is_fitted__(self):
        return self._run is not None

    # Training

    @property
    def run_directory(self):
        """The run of the fitted model, else the folder that was asked for."""
        return self._run or self._asked_directory

    def fit(self, X, y, descriptors=None, unseen=None, X_test=None, y_test=None):
        """Trains on rows X [n, features] of classes y [n].

        descriptors : a dictionary from each class to its vector, or a matrix with a row for each of the sorted classes (those of y and
            of `unseen` together). None: those of the constructor.
        unseen : classes without rows. None: those of the constructor, else the classes with a descriptor that y lacks. Rows of unseen
            classes in X are not trained on; they are test rows.
        X_test, y_test : test rows of any classes; their accuracies are in the run's results.json.
        """
        X = _rows(X, "X")
        labels = _labels(y, len(X), "y")
        descriptors = self.descriptors if descriptors is None else descriptors
        unseen = self.unseen if unseen is None else unseen
        if descriptors is None:
            raise ValueError("descriptors are needed: a dictionary from each class to its vector, or a matrix")
        classes, table = _class_table(labels, descriptors, unseen)
        unseen_classes = _unseen(labels, classes, unseen)
        is_test = np.isin(labels.astype(str), np.asarray(unseen_classes).astype(str))
        if is_test.all():
            raise ValueError("y has rows of unseen classes alone; seen classes are needed to train on")
        if X_test is not None:
            X_test = _rows(X_test, "X_test")
            test_labels = _labels(y_test, len(X_test), "y_test")
            if X_test.shape[1] != X.shape[1]:
                raise ValueError(f"X_test has {X_test.shape[1]} features and X {X.shape[1]}")
            X = np.concatenate([X, X_test])
            labels = np.concatenate([labels.astype(object), test_labels.astype(object)])
            is_test = np.concatenate([is_test, np.ones(len(X_test), bool)])

        names = _names(classes)
        row_names = _names(labels)
        unknown = sorted(set(row_names) - set(names))
        if unknown:
            raise ValueError(f"no descriptor for {', '.join(unknown[:5])}")
        with _scratch() as scratch:
            data = os.path.join(scratch, "data.npz")
            np.savez(data, features=X, labels=np.array(row_names), descriptors=table, classes=np.array(names), unseen=np.array(_names(unseen_classes)),
                     test=np.flatnonzero(is_test))
            run, owned = self._new_run()
            try:
                self._call("train", "--data", data, "--run", run, "--seed", str(self.seed), *_arguments(self._options),
                           ranks=self.ranks)
            except BaseException:
                if owned:
                    shutil.rmtree(run, ignore_errors=True)
                raise
        self._take(run, owned, classes)
        self.n_features_in_ = X.shape[1]
        return self

    def _new_run(self):
        if self._asked_directory is not None:
            return os.fspath(self._asked_directory), False
        return os.path.join(tempfile.mkdtemp(prefix="cegzsl-"), "run"), True

    def _take(self, run, owned, classes):
        """Makes a run the model's; a temporary one before it goes."""
        self._release()
        self._run = run
        if owned:
            self._finalizer = weakref.finalize(self, shutil.rmtree, os.path.dirname(run), True)
        self.classes_ = classes

    def _release(self):
        finalizer = self.__dict__.pop("_finalizer", None)
        if finalizer is not None:
            finalizer()
        self._run = None

    @classmethod
    def load(cls, run, **params):
        """The model of a run directory that `fit` or `cegzsl train` has made. Class names are texts."""
        model = cls(run_directory=run, **params)
        shown = json.loads(model._call("show", os.fspath(run), "--json", quiet=True))
        model._run = os.fspath(run)
        model.classes_ = np.array([c["name"] for c in shown["classes"]])
        model.n_features_in_ = shown["features"]
        return model

    # Using a model

    def predict(self, X, classes="all"):
        """The class of each row. classes : "all", or "unseen" to choose among the unseen ones alone."""
        logits = self._logits(X, classes)
        return self.classes_[np.argmax(logits, axis=1)]

    def predict_proba(self, X, classes="all"):
        """Probabilities [n, classes], in the order of `classes_`."""
        logits = self._logits(X, classes).astype(np.float64)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    def decision_function(self, X, classes="all"):
        """Scores before the softmax [n, classes]; -inf for classes that may not be answered."""
        return self._logits(X, classes)

    def transform(self, X):
        """Embeddings [n, embedding size]."""
        return self._predict_file(X, "--embedding")

    def score(self, X, y, classes="all"):
        """The share of rows that are recognised. Of classes alike in weight: `harmonic_score`."""
        labels = _labels(y, len(X), "y")
        return float(np.mean(np.array(_names(self.predict(X, classes))) == np.array(_names(labels))))

    def harmonic_score(self, X, y):
        """U, S and H as papers have them: means over unseen and seen classes, and their harmonic mean."""
        self._require_fitted()
        truth = np.array(_names(_labels(y, len(X), "y")))
        right = np.array(_names(self.predict(X))) == truth
        roles = {c["name"]: c["role"] for c in json.loads(self._call("show", self._run, "--json", quiet=True))["classes"]}
        means = {}
        for role in ("unseen", "seen"):
            per_class = [right[truth == name].mean() for name in np.unique(truth) if roles.get(name) == role]
            means[role] = float(np.mean(per_class)) if per_class else math.nan
        u, s = means["unseen"], means["seen"]
        return u, s, 2 * u * s / (u + s) if u + s > 0 else 0.0

    def synthesize(self, classes, per_class=100, space="features", seed=1):
        """Synthetic rows of classes: a list of those that the model knows, or a dictionary from names to descriptors. Returns X, y."""
        self._require_fitted()
        with _scratch() as scratch:
            output = os.path.join(scratch, "rows.npz")
            if isinstance(classes, dict):
                names, table = list(classes), os.path.join(scratch, "descriptors.csv")
                _write_descriptors(table, names, [classes[name] for name in names])
                chosen = ["--descriptors", table]
            else:
                names = [classes] if np.ndim(classes) == 0 else list(classes)
                chosen = ["--classes", _csv_line(_names(names))]
            self._call("synthesize", "--run", self._run, *chosen, "--per-class", str(per_class), "--space", space, "--seed",
                       str(seed), "--output", output, quiet=True)
            with np.load(output, allow_pickle=False) as file:
                rows = file["features" if space == "features" else "embeddings"]
            return rows, np.repeat(np.array(names), per_class)

    def add_class(self, name, descriptor):
        """Adds an unseen class by its descriptor: the softmax alone is trained anew. The run it came from stays as it is."""
        self._require_fitted()
        if str(name) in _names(self.classes_):
            raise ValueError(f"there is a class {str(name)!r} already")
        folder = tempfile.mkdtemp(prefix="cegzsl-")
        run = os.path.join(folder, "run")
        try:
            table = os.path.join(folder, "descriptors.csv")
            _write_descriptors(table, [name], [descriptor])
            self._call("extend", "--run", self._run, "--descriptors", table, "--out", run)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self._take(run, True, np.array(list(self.classes_) + [name], dtype=_dtype(self.classes_, name)))
        return self

    def _logits(self, X, classes):
        if classes not in ("all", "unseen"):
            raise ValueError(f"classes is 'all' or 'unseen', not {classes!r}")
        return self._predict_file(X, "--logits", "--classes", classes)

    def _predict_file(self, X, option, *more):
        self._require_fitted()
        X = _rows(X, "X")
        with _scratch() as scratch:
            features, output = os.path.join(scratch, "rows.npy"), os.path.join(scratch, "output.npy")
            np.save(features, X)
            self._call("predict", "--run", self._run, "--features", features, option, output, "--output",
                       os.path.join(scratch, "classes.csv"), *more, quiet=True)
            return np.load(output, allow_pickle=False)

    def _require_fitted(self):
        if self._run is None:
            raise NotFittedError("this CEGZSL is not fitted yet: call fit, or CEGZSL.load(run)")

    # The program

    def _call(self, *arguments, ranks=1, quiet=False):
        """Runs the program and returns its standard output; shows it meanwhile unless quiet."""
        command = [self.program or _program(), *arguments]
        environment = dict(os.environ)
        if ranks != 1:
            threads = [] if self.threads is None else ["--threads", str(self.threads)]
            command = [os.path.join(_LAUNCH, "mpirun"), str(ranks), *threads, *command]
        elif self.threads is not None:
            environment["OMP_NUM_THREADS"] = str(self.threads)
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                       text=True, errors="replace", env=environment)
        except OSError as error:
            raise CEGZSLError(69, f"{command[0]} cannot be started: {error.strerror}") from error
        try:
            output, errors = _communicate(process, show=self.verbose and not quiet)
        except BaseException:
            # The program saves at SIGINT; a second interrupt does not wait for it.
            process.send_signal(signal.SIGINT)
            try:
                process.wait()
            finally:
                process.kill()
            raise
        if process.returncode != 0:
            lines = [line for line in errors.strip().splitlines() if line.strip()]
            start = next((i for i, line in enumerate(lines) if line.startswith("cegzsl: ")), None)
            message = "\n".join(lines if start is None else lines[start:])
            raise CEGZSLError(process.returncode, message.removeprefix("cegzsl: "))
        return output


def _communicate(process, show):
    """Both outputs, read at once so that neither stands in the other's way."""
    import threading

    parts = {"out": [], "err": []}

    def read(stream, name):
        for line in stream:
            parts[name].append(line)
            if show:
                sys.stderr.write(line)
                sys.stderr.flush()

    readers = [threading.Thread(target=read, args=pair, daemon=True)
               for pair in ((process.stdout, "out"), (process.stderr, "err"))]
    for reader in readers:
        reader.start()
    process.wait()
    for reader in readers:
        reader.join()
    return "".join(parts["out"]), "".join(parts["err"])


def _program():
    given = os.environ.get("CEGZSL")
    root = os.path.dirname(_LAUNCH)
    for path in (given, os.path.join(root, ".build", "release", "cegzsl"), os.path.join(root, "bin", "cegzsl")):
        if path and os.access(path, os.X_OK):
            return path
    found = shutil.which("cegzsl")
    if found is None:
        raise CEGZSLError(69, "the program is not built: run launch/build, or set CEGZSL to its path")
    return found


def _scratch():
    return tempfile.TemporaryDirectory(prefix="cegzsl-")


def _rows(X, name):
    """A contiguous float32 array of rows, of anything that numpy takes for one."""
    array = np.asarray(X)
    if array.dtype == object:
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name} is not made of numbers: {error}") from None
    if array.ndim != 2:
        raise ValueError(f"{name} has {array.ndim} dimensions; rows of features are wanted, [n, features]")
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{name} is made of {array.dtype}, and must be of numbers")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        row, column = np.argwhere(~np.isfinite(array))[0]
        raise ValueError(f"{name}[{row}, {column}] is {array[row, column]}; features must be finite")
    return np.ascontiguousarray(array, dtype=np.float32)


def _labels(y, count, name):
    labels = np.asarray(y)
    if labels.ndim == 2 and 1 in labels.shape:
        labels = labels.ravel()
    if labels.ndim != 1 or len(labels) != count:
        raise ValueError(f"{name} has the shape {labels.shape}, and must have a label for each of the {count} rows")
    return labels


def _names(labels):
    """Labels as the texts that files have: 3 and 3.0 are the same class."""
    def text(label):
        if isinstance(label, (float, np.floating)) and float(label).is_integer():
            return str(int(label))
        return str(label)
    return [text(label) for label in labels]


def _sorted_classes(labels):
    try:
        return sorted(labels)
    except TypeError:
        return sorted(labels, key=str)


def _class_table(labels, descriptors, unseen):
    """All classes, and a row of numbers for each."""
    if hasattr(descriptors, "index") and hasattr(descriptors, "to_numpy"):  # a pandas frame: a row a class
        descriptors = {name: row for name, row in zip(descriptors.index, descriptors.to_numpy())}
    if isinstance(descriptors, dict):
        classes = _sorted_classes(list(descriptors))
        if len(set(_names(classes))) != len(classes):
            raise ValueError("two classes have names of the same text")
        widths = {len(np.ravel(vector)) for vector in descriptors.values()}
        if len(widths) != 1:
            raise ValueError(f"descriptors have different lengths: {sorted(widths)}")
        table = np.array([np.ravel(descriptors[name]) for name in classes], dtype=np.float32)
    else:
        table = np.asarray(descriptors, dtype=np.float32)
        classes = _sorted_classes(list(set(labels.tolist()) | set(np.asarray([] if unseen is None else unseen).tolist())))
        if table.ndim != 2 or len(table) != len(classes):
            raise ValueError(f"descriptors have the shape {table.shape}; a row for each of the {len(classes)} classes is wanted, or a dictionary")
    if not np.isfinite(table).all():
        raise ValueError("descriptors must be finite numbers")
    return np.array(classes, dtype=_dtype(classes)), table


def _dtype(*groups):
    values = [v for group in groups for v in (group if isinstance(group, (list, np.ndarray)) else [group])]
    return None if len({isinstance(v, (str, np.str_)) for v in values}) == 1 else object


def _unseen(labels, classes, unseen):
    names = _names(classes)
    if unseen is None:
        present = set(_names(labels))
        unseen = [c for c, name in zip(classes, names) if name not in present]
    if isinstance(unseen, str):
        unseen = [unseen]
    unknown = [name for name in _names(unseen) if name not in names]
    if unknown:
        raise ValueError(f"unseen class {unknown[0]!r} has no descriptor")
    if len(unseen) == 0:
        raise ValueError("every class has rows: name the unseen ones with unseen=[…], or describe some that have none")
    return list(unseen)


def _write_descriptors(path, names, vectors):
    width = len(np.ravel(vectors[0]))
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["class"] + [f"a{i}" for i in range(width)])
        for name, vector in zip(_names(names), vectors):
            writer.writerow([name] + [repr(float(v)) for v in np.ravel(vector)])


def _csv_line(names):
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(names)
    return line.getvalue()


def _arguments(options):
    """Options of the program: underscores become dashes, True is a flag."""
    arguments = []
    for name, value in options.items():
        option = "--" + name.replace("_", "-")
        if value is None or value is False:
            continue
        arguments += [option] if value is True else [option, str(value)]
    return arguments
