#!/usr/bin/env python3
"""One small data set as scipy and h5py leave it in people's folders; all are read as the same. Needs numpy, scipy, h5py.

    python3 make_folders.py        (writes beside itself)

36 rows of 3 features, 6 classes with descriptors of 2, the last two unseen: SmallData.swift makes the same once more.
"""
import os

import h5py
import numpy as np
import scipy.io
import scipy.sparse

FOLDER = os.path.dirname(os.path.abspath(__file__))
ROWS, CLASSES, FEATURES = 36, 6, 3
row = np.arange(ROWS)
label = row // 6
features = ((row[:, None] * 7 + np.arange(FEATURES) * 5) % 11 - 3).astype(float)
descriptors = np.array([[c + 1, c * c] for c in range(CLASSES)], dtype=float)
names = ["ant", "bee", "cat", "dog", "eel", "fox"]
masks = {"test_unseen_loc": row >= 24, "test_seen_loc": (row < 24) & (row % 6 == 5), "trainval_loc": (row < 24) & (row % 6 != 5)}
numbers = {name: np.flatnonzero(mask) + 1.0 for name, mask in masks.items()}


def cells(texts):
    result = np.empty((len(texts), 1), dtype=object)
    result[:, 0] = texts
    return result


def columns(lists):
    return {name: values.reshape(-1, 1) for name, values in lists.items()}


def parts(lists=None, **change):
    """Both files of the layout, with what `change` replaces."""
    images = {"features": features.T, "labels": label.reshape(-1, 1) + 1.0}
    splits = {"att": descriptors.T, "allclasses_names": cells(names), **(columns(numbers) if lists is None else lists)}
    for name, value in change.items():
        (images if name in images else splits)[name] = value
    return images, splits


def write(kind, both, save=scipy.io.savemat):
    os.makedirs(f"{FOLDER}/{kind}", exist_ok=True)
    for file, variables in zip(("res101.mat", "att_splits.mat"), both):
        save(f"{FOLDER}/{kind}/{file}", variables)


def plain_hdf5(path, variables, transposed=False, group="", **options):
    with h5py.File(path, "w") as file:
        for name, value in variables.items():
            if value.dtype == object:
                file[group + name] = np.array([str(v) for v in value.ravel()], dtype=h5py.string_dtype())
            else:
                file.create_dataset(group + name, data=value.T if transposed else value, **options)


write("good", parts())
write("char_names", parts(allclasses_names=np.array(["ant ", "bee", "cat", "dog", "eel", "fox"])))
write("logical_masks", parts(columns(masks)))
write("numeric_masks", parts({name: mask.astype(np.uint8).reshape(1, -1) for name, mask in masks.items()}))
write("sparse_masks", parts({name: scipy.sparse.csc_matrix(mask.reshape(-1, 1)) for name, mask in masks.items()}))
write("from_zero", parts(columns({name: values - 1 for name, values in numbers.items()}), labels=label.reshape(-1, 1)))
write("sparse", parts(att=scipy.sparse.csc_matrix(descriptors.T), features=scipy.sparse.csc_matrix(features.T)))
write("struct", [{"data": part} for part in parts()])
write("nested_struct", [{"data": {"inner": part}} for part in parts()])
write("integers", parts({name: values.astype(np.uint16).reshape(1, -1) for name, values in numbers.items()},
                        labels=(label + 1).astype(np.uint8).reshape(1, -1), features=features.T.astype(np.int8)))
write("label_names", parts(labels=cells([names[c] for c in label])))
write("plain_hdf5", parts(), plain_hdf5)
write("plain_hdf5_rows", parts(), lambda path, part: plain_hdf5(path, part, transposed=True))
write("plain_hdf5_masks", parts(masks, labels=label + 1), lambda path, part: plain_hdf5(path, part, group="data/"))
write("complex", parts(att=descriptors.T + 1j))
