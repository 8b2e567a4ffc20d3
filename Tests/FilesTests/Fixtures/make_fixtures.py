#!/usr/bin/env python3
"""The .mat fixtures: the same variables as MATLAB, scipy and older tools store them. Needs numpy, scipy and h5py.

    python3 make_fixtures.py        (writes beside itself)
"""
import os

import h5py
import numpy as np
import scipy.io

FOLDER = os.path.dirname(os.path.abspath(__file__))
NAMES = ["antelope", "grizzly+bear", "killer_whale", "Größe"]


def variables():
    cells = np.empty((4, 1), dtype=object)
    cells[:, 0] = NAMES
    return {
        "features": (np.arange(15, dtype=np.float32).reshape(3, 5) - 7) / 4,
        "labels": np.array([[1], [2], [250], [4], [3]], dtype=np.uint8),
        "wide_row": np.array([[1, 40000, 3]], dtype=np.uint16),
        "signed": np.array([[-5, 7]], dtype=np.int64),
        "small": np.array([[-128, 127]], dtype=np.int8),
        "exact": np.array([[0.1, 1e300], [-2.5, 3.0]], dtype=np.float64),
        "allclasses_names": cells,
        "word": "hello",
        "complex": np.array([[1 + 2j]]),
        "empty": np.zeros((0, 0)),
    }


def matlab_class(target, name):
    """A string attribute as MATLAB writes it: fixed length, null-terminated."""
    text = name.encode()
    kind = h5py.h5t.C_S1.copy()
    kind.set_size(len(text))
    kind.set_strpad(h5py.h5t.STR_NULLTERM)
    attribute = h5py.h5a.create(target.id, b"MATLAB_class", kind, h5py.h5s.create(h5py.h5s.SCALAR))
    attribute.write(np.frombuffer(text, dtype=f"S{len(text)}").reshape(()), mtype=kind)


def write_v73(path, values):
    with h5py.File(path, "w", userblock_size=512) as file:
        references = file.create_group("#refs#")
        for name in ("features", "labels", "wide_row", "signed", "small", "exact"):
            data = file.create_dataset(name, data=values[name].T)
            matlab_class(data, {"float32": "single", "float64": "double"}.get(str(values[name].dtype), str(values[name].dtype)))
        cells = np.empty((1, 4), dtype=h5py.ref_dtype)
        for i, text in enumerate(NAMES):
            data = references.create_dataset(f"r{i}", data=np.array([[ord(c)] for c in text], dtype=np.uint16))
            matlab_class(data, "char")
            data.attrs["MATLAB_int_decode"] = np.int32(2)
            cells[0, i] = data.ref
        matlab_class(file.create_dataset("allclasses_names", data=cells, dtype=h5py.ref_dtype), "cell")
    header = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, HDF5 schema 1.00 .".ljust(116) + b"\0" * 8 + b"\x00\x02IM"
    with open(path, "r+b") as file:
        file.write(header)


values = variables()
scipy.io.savemat(f"{FOLDER}/plain.mat", values)
scipy.io.savemat(f"{FOLDER}/compressed.mat", values, do_compression=True)
write_v73(f"{FOLDER}/hdf5.mat", values)
