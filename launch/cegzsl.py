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
    # Options of the program that `fit` gives itself, or that are no training.
    _RESERVED = ("data", "run", "help", "version")
    _OWN = ("ranks", "threads", "seed", "run_directory", "descriptors", "unseen", "program", "verbose")

    def __init__(self, *, ranks=1, threads=None, seed=1, run_directory=None, descriptors=None, unseen=None, program=None,
                 verbose=True, **options):
        self.ranks = ranks
        self.threads = threads
        self.seed = seed
        # The run of a fitted model is `run_directory` too; what was asked for stays a parameter.
        self._asked_directory = run_directory
        self._run = None
        # A temporary folder with what belongs to this object alone: the training data, and runs that nobody gave a place.
        self._folder = None
        self._runs_made = 0
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
        for name in self._options:
            if name.replace("_", "-") in self._RESERVED:
                raise ValueError(f"{name} is no option here: fit gives it")
        columns = _columns(X)
        X = _rows(X, "X")
        if len(X) == 0:
            raise ValueError("X has no rows")
        if X_test is None and y_test is not None:
            raise ValueError("y_test is given, and no X_test")
        labels = _labels(y, len(X), "y")
        descriptors = self.descriptors if descriptors is None else descriptors
        unseen = self.unseen if unseen is None else unseen
        if descriptors is None:
            raise ValueError("descriptors are needed: a dictionary from each class to its vector, or a matrix")
        classes, table = _class_table(labels, descriptors, unseen)
        names = _names(classes)
        unseen_names = _unseen(labels, names, unseen)
        row_names = _names(labels)
        is_test = np.isin(row_names, unseen_names)
        if is_test.all():
            raise ValueError("y has rows of unseen classes alone; seen classes are needed to train on")
        if X_test is not None:
            X_test = _rows(X_test, "X_test")
            if X_test.shape[1] != X.shape[1]:
                raise ValueError(f"X_test has {X_test.shape[1]} features and X {X.shape[1]}")
            row_names = row_names + _names(_labels(y_test, len(X_test), "y_test"))
            X = np.concatenate([X, X_test])
            is_test = np.concatenate([is_test, np.ones(len(X_test), bool)])
        unknown = sorted(set(row_names) - set(names))
        if unknown:
            raise ValueError(f"no descriptor for {', '.join(unknown[:5])}")

        self._release()
        data = os.path.join(self._own_folder(), "data.npz")
        np.savez(data, features=X, labels=np.array(row_names), descriptors=table, classes=np.array(names),
                 unseen=np.array(unseen_names), test=np.flatnonzero(is_test))
        options = dict(self._options)
        if not {"batch_size", "preset", "config"} & set(options):
            options["batch_size"] = min(256, max(1, int((~is_test).sum()) // 2))
        run = os.path.abspath(self._asked_directory) if self._asked_directory is not None else self._new_run()
        try:
            self._call("train", "--data", data, "--run", run, "--seed", str(self.seed), *_arguments(options),
                       ranks=self.ranks)
        except BaseException:
            self._release()
            raise
        self._run = run
        self.classes_ = classes
        self.n_features_in_ = X.shape[1]
        self.__dict__.pop("feature_names_in_", None)
        if columns is not None:
            self.feature_names_in_ = np.array(columns, dtype=object)
        return self

    def _own_folder(self):
        if self._folder is None:
            self._folder = tempfile.mkdtemp(prefix="cegzsl-")
            self._finalizer = weakref.finalize(self, _remove, self._folder, os.getpid())
        return self._folder

    def _new_run(self):
        self._runs_made += 1
        return os.path.join(self._own_folder(), f"run-{self._runs_made}")

    def _owns(self, run):
        return self._folder is not None and run is not None and os.path.dirname(run) == self._folder

    def _release(self):
        """As before `fit`; temporary files go."""
        finalizer = self.__dict__.pop("_finalizer", None)
        if finalizer is not None:
            finalizer()
        self._folder = self._run = None

    def __getstate__(self):
        # Copies and pickles would outlive the folder.
        if self._owns(self._run):
            raise TypeError("the run of this model lies in a temporary folder: give run_directory, to add_class too, to copy or pickle it")
        state = dict(self.__dict__, _folder=None)
        state.pop("_finalizer", None)
        return state

    @classmethod
    def load(cls, run, **params):
        """The model of a run directory that `fit` or `cegzsl train` has made. Class names are texts."""
        model = cls(run_directory=run, **params)
        shown = json.loads(model._call("show", os.fspath(run), "--json", quiet=True))
        if not shown.get("classes"):
            raise CEGZSLError(66, f"{os.fspath(run)} has no checkpoint with a model yet")
        model._run = os.path.abspath(run)
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
        labels = _labels(y, _count(X), "y")
        return float(np.mean(np.array(_names(self.predict(X, classes))) == np.array(_names(labels))))

    def harmonic_score(self, X, y):
        """U, S and H as papers have them: means over unseen and seen classes, and their harmonic mean."""
        self._require_fitted()
        truth = np.array(_names(_labels(y, _count(X), "y")))
        right = np.array(_names(self.predict(X))) == truth
        roles = {c["name"]: c["role"] for c in json.loads(self._call("show", self._run, "--json", quiet=True))["classes"]}
        means = {}
        for role in ("unseen", "seen"):
            per_class = [right[truth == name].mean() for name in np.unique(truth) if roles.get(name) == role]
            means[role] = float(np.mean(per_class)) if per_class else math.nan
        u, s = means["unseen"], means["seen"]
        return u, s, 0.0 if u + s == 0 else 2 * u * s / (u + s)

    def synthesize(self, classes, per_class=100, space="features", seed=1):
        """Synthetic rows of classes: a list of those that the model knows, or a dictionary from names to descriptors. Returns X, y."""
        self._require_fitted()
        with _scratch() as scratch:
            output = os.path.join(scratch, "rows.npz")
            if _is_frame(classes):
                classes = _frame_rows(classes)
            if isinstance(classes, dict):
                names, table = list(classes), os.path.join(scratch, "descriptors.csv")
                if names:
                    _write_descriptors(table, names, [classes[name] for name in names])
                chosen = ["--descriptors", table]
            else:
                names = _list(classes)
                chosen = ["--classes", _csv_line(_names(names))]
            if not names:
                raise ValueError("classes is empty: name at least one")
            self._call("synthesize", "--run", self._run, *chosen, "--per-class", str(per_class), "--space", space, "--seed",
                       str(seed), "--output", output, quiet=True)
            with np.load(output, allow_pickle=False) as file:
                rows = file["features" if space == "features" else "embeddings"]
            return rows, np.repeat(np.array(names), per_class)

    def add_class(self, name, descriptor, run_directory=None):
        """Adds an unseen class by its descriptor: the softmax alone is trained anew, by the rows that the model was fitted to, where this
        object still has them, else by synthetic ones. The run that it starts from stays as it is.

        run_directory : of the model with the class, a new folder, to keep it: to load, copy or pickle it. None: a temporary one.
        """
        self._require_fitted()
        if name is None or np.ndim(name) != 0:
            raise ValueError(f"a class needs a name, one text or number, not {name!r}")
        if _names([name])[0] in _names(self.classes_):
            raise ValueError(f"there is a class {str(name)!r} already")
        before, run = self._run, self._new_run() if run_directory is None else os.path.abspath(run_directory)
        table, data = os.path.join(self._own_folder(), "descriptors.csv"), os.path.join(self._own_folder(), "data.npz")
        _write_descriptors(table, [name], [descriptor])
        self._call("extend", "--run", before, "--descriptors", table, "--out", run,
                   *(["--data", data] if os.path.exists(data) else []))
        self._run = run
        self.classes_ = np.array(list(self.classes_) + [name], dtype=_dtype(self.classes_, name))
        if self._owns(before):
            shutil.rmtree(before, ignore_errors=True)
        return self

    def _logits(self, X, classes):
        if classes not in ("all", "unseen"):
            raise ValueError(f"classes is 'all' or 'unseen', not {classes!r}")
        return self._predict_file(X, "--logits", "--classes", classes)

    def _predict_file(self, X, option, *more):
        self._require_fitted()
        columns, known = _columns(X), getattr(self, "feature_names_in_", None)
        if columns is not None and known is not None and columns != list(known):
            raise ValueError("X has other columns than fit had, or in another order")
        X = _rows(X, "X")
        if self.n_features_in_ != X.shape[1]:
            raise ValueError(f"X has {X.shape[1]} features, and this CEGZSL was fitted to {self.n_features_in_}")
        if len(X) == 0:
            raise ValueError("X has no rows")
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
        program = os.fspath(self.program or _program())
        found = shutil.which(program)
        if found is None:
            raise CEGZSLError(69, f"{program} cannot be started: there is no such program")
        if self.threads is not None and self.threads < 1:
            raise ValueError(f"threads is {self.threads}, and must be at least 1")
        command = [found, *arguments]
        environment = dict(os.environ)
        if ranks != 1:
            threads = [] if self.threads is None else ["--threads", str(self.threads)]
            command = [os.path.join(_LAUNCH, "mpirun"), str(ranks), *threads, *command]
        elif self.threads is not None:
            environment["OMP_NUM_THREADS"] = str(self.threads)
        if arguments[0] == "train" and shutil.which("setpriv"):
            # Where this process is killed, training saves and ends.
            command = ["setpriv", "--pdeathsig", "USR1", *command]
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                       text=True, errors="replace", env=environment, start_new_session=True)
        except OSError as error:
            raise CEGZSLError(69, f"{command[0]} cannot be started: {error.strerror}") from error
        try:
            output, errors = _communicate(process, show=self.verbose and not quiet)
        except BaseException:
            # A session of its own: the interrupt key reaches the program through here, once. Training saves, and stops; a second
            # interrupt does not wait for that.
            process.send_signal(signal.SIGINT)
            try:
                process.wait()
            except BaseException:
                process.terminate()
                process.wait()
            raise
        if process.returncode != 0:
            lines = [line for line in errors.strip().splitlines() if line.strip()]
            start = next((i for i, line in enumerate(lines) if line.startswith(("cegzsl: ", "cegzsl (", "Error: "))), 0)
            message = "\n".join(lines[start:])
            for prefix in ("cegzsl: ", "Error: "):
                message = message.removeprefix(prefix)
            raise CEGZSLError(process.returncode, message)
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
    process.stdout.close()
    process.stderr.close()
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


def _remove(folder, owner):
    """A forked child ends as well, and the folder is not its own."""
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)


def _list(value):
    """Of one thing or several: a list, a set, keys, an array."""
    if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__") or (hasattr(value, "ndim") and value.ndim == 0):
        return [_text(value)]
    return [_text(item) for item in value]


def _text(label):
    """Bytes, as numpy and HDF5 have texts, as text."""
    return label.decode() if isinstance(label, bytes) else label


def _count(X):
    """Rows; a sparse matrix has no length."""
    return X.shape[0] if hasattr(X, "shape") else len(X)


def _is_frame(value):
    return hasattr(value, "index") and hasattr(value, "to_numpy") and getattr(value, "ndim", 0) == 2


def _frame_rows(frame):
    """A pandas frame of descriptors, a row a class."""
    names = list(frame.index)
    if len(set(_names(names))) != len(names):
        twice = next(name for name in _names(names) if _names(names).count(name) > 1)
        raise ValueError(f"the frame of descriptors has class {twice!r} twice")
    return dict(zip(names, frame.to_numpy()))


def _columns(X):
    """The names of a frame's columns; None where they are no names, as scikit-learn has it."""
    names = list(X.columns) if _is_frame(X) and hasattr(X, "columns") else []
    return names if names and all(isinstance(name, str) for name in names) else None


def _scratch():
    return tempfile.TemporaryDirectory(prefix="cegzsl-")


def _rows(X, name):
    """A contiguous float32 array of rows, of anything that numpy takes for one, and of scipy's sparse matrices."""
    _refuse_mask(X, name)
    array = np.asarray(X.toarray() if hasattr(X, "toarray") else X)
    if array.dtype == object:
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name} is not made of numbers: {error}") from None
    if array.ndim != 2:
        raise ValueError(f"{name} has {array.ndim} dimensions; rows of features are wanted, [n, features]")
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{name} is made of {array.dtype}, and must be of numbers")
    with np.errstate(over="ignore"):
        rows = np.ascontiguousarray(array, dtype=np.float32)
    if not np.isfinite(rows).all():
        row, column = np.argwhere(~np.isfinite(rows))[0]
        raise ValueError(f"{name}[{row}, {column}] is {array[row, column]}; features must be finite, in float32 too")
    return rows


def _refuse_mask(values, name):
    """What is masked is there all the same, and would be used."""
    if np.ma.is_masked(values):
        raise ValueError(f"{name} has masked values; leave their rows out, or fill them in")


def _labels(y, count, name):
    _refuse_mask(y, name)
    labels = np.asarray(y)
    if labels.dtype.kind == "S":
        labels = np.char.decode(labels, "utf-8")
    if labels.ndim == 2 and 1 in labels.shape:
        labels = labels.ravel()
    if labels.ndim != 1 or len(labels) != count:
        raise ValueError(f"{name} has the shape {labels.shape}, and must have a label for each of the {count} rows")
    return labels


def _names(labels):
    """Labels as the texts that files have: 3 and 3.0 are the same class."""
    def text(label):
        label = _text(label)
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
    if _is_frame(descriptors):
        descriptors = _frame_rows(descriptors)
    if isinstance(descriptors, dict):
        descriptors = {_text(name): vector for name, vector in descriptors.items()}
        classes = _sorted_classes(list(descriptors))
        if len(set(_names(classes))) != len(classes):
            raise ValueError("two classes have names of the same text")
        widths = {len(np.ravel(vector)) for vector in descriptors.values()}
        if len(widths) != 1:
            raise ValueError(f"descriptors have different lengths: {sorted(widths)}")
        table = np.array([np.ravel(descriptors[name]) for name in classes], dtype=np.float32)
    else:
        table = np.asarray(descriptors, dtype=np.float32)
        others = [] if unseen is None else _list(unseen)
        together = list(set(labels.tolist()) | set(np.asarray(others).tolist()))
        if len({isinstance(label, str) for label in together}) > 1:
            raise ValueError("y and unseen name classes differently, texts and numbers: a matrix of descriptors follows their order, "
                             "so give both alike, or descriptors as a dictionary")
        classes = _sorted_classes(together)
        if table.ndim != 2 or len(table) != len(classes):
            raise ValueError(f"descriptors have the shape {table.shape}; a row for each of the {len(classes)} classes is "
                             "wanted, or a dictionary")
    if not np.isfinite(table).all():
        raise ValueError("descriptors must be finite numbers")
    return np.array(classes, dtype=_dtype(classes)), table


def _dtype(*groups):
    values = [v for group in groups for v in (group if isinstance(group, (list, np.ndarray)) else [group])]
    return None if len({isinstance(v, (str, np.str_)) for v in values}) == 1 else object


def _unseen(labels, names, unseen):
    """Names of unseen classes."""
    if unseen is None:
        present = set(_names(labels))
        chosen = [name for name in names if name not in present]
    else:
        chosen = _names(_list(unseen))
    unknown = [name for name in chosen if name not in names]
    if unknown:
        raise ValueError(f"unseen class {unknown[0]!r} has no descriptor")
    if not chosen:
        raise ValueError("every class has rows: name the unseen ones with unseen=[…], or describe some that have none")
    return chosen


def _write_descriptors(path, names, vectors):
    width = len(np.ravel(vectors[0]))
    if any(len(np.ravel(vector)) != width for vector in vectors):
        raise ValueError("descriptors have different lengths")
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
        if value is True:
            arguments.append(option)
        else:
            for item in value if isinstance(value, (list, tuple)) else [value]:
                arguments += [option, str(item)]
    return arguments
