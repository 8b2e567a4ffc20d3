#!/usr/bin/env python3
"""The fixtures: the same arrays as numpy, scipy, h5py, safetensors, MATLAB and older tools store them. Needs these four packages.

    python3 make_fixtures.py        (writes beside itself)

Element i (row-major) of the array of a type with the code number k is `value(i, k)`, which Fixture.swift computes again.
"""
import os
import struct

import h5py
import numpy as np
import safetensors.numpy
import scipy.io
import scipy.sparse

FOLDER = os.path.dirname(os.path.abspath(__file__))
NAMES = ["antelope", "grizzly+bear", "killer_whale", "Größe"]
CODES = ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "?"]


def value(shape, code):
    i, k = np.arange(int(np.prod(shape))).reshape(shape), CODES.index(code)
    if code == "?":
        return (i * 7 + k) % 3 == 0
    numbers = (i * 7 + k) % 50 - (0 if code[0] == "u" else 10)
    return (numbers / (4 if code[0] == "f" else 1)).astype(code)


def cells(texts, shape=None):
    result = np.empty(len(texts), dtype=object)
    result[:] = texts
    return result.reshape(shape or (-1, 1))


def variables():
    return {
        "features": (np.arange(15, dtype=np.float32).reshape(3, 5) - 7) / 4,
        "labels": np.array([[1], [2], [250], [4], [3]], dtype=np.uint8),
        "wide_row": np.array([[1, 40000, 3]], dtype=np.uint16),
        "signed": np.array([[-5, 7]], dtype=np.int64),
        "small": np.array([[-128, 127]], dtype=np.int8),
        "exact": np.array([[0.1, 1e300], [-2.5, 3.0]], dtype=np.float64),
        "allclasses_names": cells(NAMES),
        "word": "hello",
        "complex": np.array([[1 + 2j]]),
        "empty": np.zeros((0, 0)),
    }


def kinds():
    """What people's files have beside plain matrices."""
    sparse = scipy.sparse.csc_matrix(np.array([[0, 2.5, 0], [-1, 0, 0], [0, 0, 0], [4, 0, 7]]))
    return {
        "sparse": sparse,
        "mask": np.array([[True], [False], [True]]),
        "sparse_mask": scipy.sparse.csc_matrix(np.array([[True], [False], [True]])),
        "char_matrix": np.array(["cat", "horse", "emu"]),
        "data": {"features": value((2, 3), "f8"), "inner": {"labels": value((4, 1), "u1"), "names": cells(NAMES)}},
        "several": np.array([(1.0,), (2.0,)], dtype=[("x", object)]).reshape(1, 2),
        "nested": cells([cells([name]) for name in NAMES]),
        "numbers_as_names": cells([np.array([[3.0]]), np.array([[4.5]])]),
        "three": value((2, 3, 2), "i4"),
    }


def matlab_class(target, name):
    """A string attribute as MATLAB writes it: fixed length, null-terminated."""
    text = name.encode()
    kind = h5py.h5t.C_S1.copy()
    kind.set_size(len(text))
    kind.set_strpad(h5py.h5t.STR_NULLTERM)
    attribute = h5py.h5a.create(target.id, b"MATLAB_class", kind, h5py.h5s.create(h5py.h5s.SCALAR))
    attribute.write(np.frombuffer(text, dtype=f"S{len(text)}").reshape(()), mtype=kind)


class MatlabFile:
    """Version 7.3: sizes reversed, texts as UTF-16, cells as references into #refs#, structures as groups."""

    def __init__(self, path):
        self.path = path
        self.file = h5py.File(path, "w", userblock_size=512)
        self.references = self.file.create_group("#refs#")
        self.count = 0

    def number(self, group, name, array, kind=None, **options):
        kind = kind or {"float32": "single", "float64": "double", "bool": "logical"}.get(str(array.dtype), str(array.dtype))
        array = array.astype(np.uint8) if array.dtype == bool else array
        matlab_class(group.create_dataset(name, data=array.T, **options), kind)

    def text(self, group, name, rows):
        codes = np.array([[ord(c) for c in row] for row in rows], dtype=np.uint16)
        data = group.create_dataset(name, data=codes.T)
        matlab_class(data, "char")
        data.attrs["MATLAB_int_decode"] = np.int32(2)

    def reference(self, content):
        self.count += 1
        name = f"r{self.count}"
        if isinstance(content, str) and not content:
            data = self.references.create_dataset(name, data=np.array([0, 0], dtype=np.uint64))
            matlab_class(data, "char")
            data.attrs["MATLAB_empty"] = np.uint8(1)
        elif isinstance(content, str):
            self.text(self.references, name, [content])
        elif isinstance(content, list):
            self.cell(self.references, name, content)
        else:
            self.number(self.references, name, content)
        return self.references[name].ref

    def cell(self, group, name, contents):
        array = np.empty((1, len(contents)), dtype=h5py.ref_dtype)
        for i, content in enumerate(contents):
            array[0, i] = self.reference(content)
        matlab_class(group.create_dataset(name, data=array, dtype=h5py.ref_dtype), "cell")

    def sparse(self, name, matrix, kind="double"):
        group = self.file.create_group(name)
        matlab_class(group, kind)
        group.attrs["MATLAB_sparse"] = np.uint64(matrix.shape[0])
        group["ir"], group["jc"] = matrix.indices.astype(np.uint64), matrix.indptr.astype(np.uint64)
        self.number(group, "data", matrix.data, kind)

    def close(self):
        self.file.close()
        header = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, HDF5 schema 1.00 .".ljust(116) + b"\0" * 8 + b"\x00\x02IM"
        with open(self.path, "r+b") as file:
            file.write(header)


def write_v73(path, values):
    out = MatlabFile(path)
    for name in ("features", "labels", "wide_row", "signed", "small", "exact"):
        out.number(out.file, name, values[name])
    out.cell(out.file, "allclasses_names", NAMES)
    out.close()


def write_kinds_v73(path):
    out, values = MatlabFile(path), kinds()
    out.sparse("sparse", values["sparse"])
    out.number(out.file, "mask", values["mask"])
    out.sparse("sparse_mask", values["sparse_mask"], "logical")
    out.text(out.file, "char_matrix", ["cat  ", "horse", "emu  "])
    data = out.file.create_group("data")
    matlab_class(data, "struct")
    out.number(data, "features", values["data"]["features"], chunks=(2, 1), compression="gzip")
    inner = data.create_group("inner")
    matlab_class(inner, "struct")
    out.number(inner, "labels", values["data"]["inner"]["labels"])
    out.cell(inner, "names", NAMES)
    out.cell(out.file, "nested", [[name] for name in NAMES])
    out.cell(out.file, "numbers_as_names", [np.array([[3.0]]), np.array([[4.5]])])
    out.cell(out.file, "with_empty", ["a", ""])
    out.number(out.file, "three", values["three"])
    empty = out.file.create_dataset("empty", data=np.array([0, 0], dtype=np.uint64))
    matlab_class(empty, "double")
    empty.attrs["MATLAB_empty"] = np.uint8(1)
    out.close()


def write_big_endian(path):
    """Version 5 as a SPARC wrote it: a double matrix `features` 3×5, kept as int16, and a small name."""
    def element(kind, data):
        return struct.pack(">ii", kind, len(data)) + data + b"\0" * (-len(data) % 8)

    array = variables()["features"] * 4
    content = element(6, struct.pack(">II", 6, 0)) + element(5, struct.pack(">ii", 3, 5)) + element(1, b"features")
    content += element(3, array.T.astype(">i2").tobytes())
    small = element(6, struct.pack(">II", 6, 0)) + element(5, struct.pack(">ii", 1, 2)) + struct.pack(">HH", 2, 1) + b"ab\0\0"
    small += struct.pack(">HH", 2, 2) + bytes([7, 9, 0, 0])
    header = b"MATLAB 5.0 MAT-file, written on a big machine".ljust(116) + b"\0" * 8 + b"\x01\x00MI"
    with open(path, "wb") as file:
        file.write(header + element(14, content) + element(14, small))


def write_hdf5(path, libver):
    with h5py.File(path, "w", libver=libver) as f:
        for code in CODES:
            f.create_dataset(f"types/{code}", data=value((3, 4), code))
            if len(code) == 2 and code != "i1":
                f.create_dataset(f"types/big_{code}", data=value((3, 4), code).astype(value((3, 4), code).dtype.newbyteorder(">")))
        for name, options in {
            "gzip": {"chunks": (4, 3), "compression": "gzip"}, "shuffled": {"chunks": (4, 3), "compression": "gzip", "shuffle": True},
            "checked": {"chunks": (4, 3), "fletcher32": True, "compression": "gzip"}, "lzf": {"chunks": (4, 3), "compression": "lzf"},
            "plain": {"chunks": (4, 3)}, "single": {"chunks": (10, 8)}, "single_packed": {"chunks": (10, 8), "compression": "gzip"},
            "growing": {"chunks": (2, 3), "maxshape": (None, 8)}, "growing_sideways": {"chunks": (3, 2), "maxshape": (10, None)},
            "growing_both": {"chunks": (2, 3), "maxshape": (None, None), "compression": "gzip"}, "bounded": {"chunks": (4, 3), "maxshape": (20, 17)},
        }.items():
            f.create_dataset(name, data=value((10, 8), "f4"), **options)
        # Enough for the latest format's arrays of chunks to be cut into pages.
        count = 1500 if libver else 150
        f.create_dataset("many_chunks", data=value((count,), "i2"), chunks=(1,))
        f.create_dataset("many_growing", data=value((count,), "i2"), chunks=(1,), maxshape=(None,))
        partly = f.create_dataset("partly", shape=(10, 3), dtype="f4", chunks=(2, 3), fillvalue=7)
        partly[:2] = value((2, 3), "f4")
        f["names"] = np.array(NAMES, dtype=h5py.string_dtype())
        f["fixed"] = np.array([name.encode() for name in NAMES])
        f["single_number"] = 2.5
        f["complex"] = np.array([1 + 2j])
        f["table"] = np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")])
        f["soft"] = h5py.SoftLink("/gzip")
        f["loop"] = f["/"]
        for i in range(60):
            f[f"many/member_{i}"] = np.int16(i)


values = variables()
scipy.io.savemat(f"{FOLDER}/plain.mat", values)
scipy.io.savemat(f"{FOLDER}/compressed.mat", values, do_compression=True)
scipy.io.savemat(f"{FOLDER}/kinds.mat", kinds(), do_compression=True)
write_v73(f"{FOLDER}/hdf5.mat", values)
write_kinds_v73(f"{FOLDER}/kinds73.mat")
write_big_endian(f"{FOLDER}/big_endian.mat")
write_hdf5(f"{FOLDER}/default.h5", None)
write_hdf5(f"{FOLDER}/latest.h5", ("v110", "v110"))

arrays = {code.replace("?", "b1"): value((3, 4), code) for code in CODES}
safetensors.numpy.save_file(arrays, f"{FOLDER}/types.safetensors")
arrays |= {f"big_{c}": v.astype(v.dtype.newbyteorder(">")) for c, v in list(arrays.items())}
arrays |= {f"fortran_{c}": np.asfortranarray(v) for c, v in list(arrays.items())}
arrays |= {"names": np.array(NAMES), "big_names": np.array(NAMES).astype(">U12"), "bytes": np.array([n.encode() for n in NAMES]), "scalar": np.array(2.5),
           "three": value((2, 3, 2), "i4"), "complex": np.array([1 + 2j]), "dates": np.array(["2020-01-01"], dtype="M8[D]"),
           "structured": np.array([(1, 2.0)], dtype=[("a (b", "i4"), ("c", "f8", (2,))])}
np.savez(f"{FOLDER}/stored.npz", **arrays)
np.savez_compressed(f"{FOLDER}/packed.npz", **arrays)
for version in (1, 2, 3):
    with open(f"{FOLDER}/version{version}.npy", "wb") as file:
        np.lib.format.write_array(file, value((3, 4), "f4"), version=(version, 0))
np.save(f"{FOLDER}/objects.npy", cells(NAMES), allow_pickle=True)
