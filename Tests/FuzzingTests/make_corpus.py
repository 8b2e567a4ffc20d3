#!/usr/bin/env python3
"""The files from which fuzzing starts: tiny ones of every kind that each reader knows. Needs numpy, scipy and h5py.

    python3 make_corpus.py        (writes into Corpus beside itself)

PyTorch's files are made from those of FilesTests/Fixtures, so that torch is not needed.
"""
import io
import json
import os
import struct
import zipfile

import h5py
import numpy as np
import scipy.io
import scipy.sparse

HERE = os.path.dirname(os.path.abspath(__file__))
CORPUS = os.path.join(HERE, "Corpus")
FIXTURES = os.path.join(HERE, "../FilesTests/Fixtures")


def write(reader, name, content):
    os.makedirs(os.path.join(CORPUS, reader), exist_ok=True)
    with open(os.path.join(CORPUS, reader, name), "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)


def npy(array, version=None):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, version=version)
    return buffer.getvalue()


def arrays():
    return {"x": np.arange(6, dtype=np.float32).reshape(3, 2), "y": np.array([1, 2, 3], np.uint8), "names": np.array(["ant", "bee"])}


def hdf5(name, libver, fill, reader="hdf5", userblock=0):
    path = os.path.join(CORPUS, reader, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    options = {"userblock_size": userblock} if userblock else {}
    with h5py.File(path, "w", libver=libver, **options) as file:
        fill(file)


def plain(file):
    file["x"] = np.arange(6, dtype=np.float32).reshape(3, 2)
    file["g/y"] = np.arange(3, dtype=">i2")
    file["g/loop"] = file["/"]
    file["b"] = np.array([True, False])


def chunks(file):
    x = np.arange(40, dtype=np.float32).reshape(10, 4)
    file.create_dataset("packed", data=x, chunks=(4, 2), compression="gzip", shuffle=True, fletcher32=True)
    file.create_dataset("lzf", data=x, chunks=(4, 4), compression="lzf")
    file.create_dataset("growing", data=x, chunks=(4, 2), maxshape=(None, 4))
    file.create_dataset("both", data=x, chunks=(4, 2), maxshape=(None, None))
    file.create_dataset("partly", shape=(30, 4), chunks=(4, 2), dtype="f8", fillvalue=7)


def texts(file):
    file["names"] = np.array(["ant", "bee"], dtype=h5py.string_dtype())
    file["fixed"] = np.array([b"ant", b"bee"])
    file["ref"] = file["names"].ref


def many(file):
    group = file.create_group("many")
    for i in range(12):
        group[f"m{i}"] = np.int8(i)


def paths(file):
    """Twelve links from each of eight groups to the next: 12^8 paths in a file of some kilobytes."""
    group = file
    for _ in range(8):
        inner = group.create_group("0")
        for i in range(1, 12):
            group[f"{i}"] = inner
        group = inner


def matlab(file):
    file["x"] = np.arange(6, dtype=np.float64).reshape(2, 3)
    file["x"].attrs["MATLAB_class"] = np.bytes_("double")
    cell = file.create_group("#refs#")
    cell["a"] = np.array([[97], [110]], np.uint16)
    cell["a"].attrs["MATLAB_class"] = np.bytes_("char")
    file["c"] = np.array([[cell["a"].ref, cell["a"].ref]], dtype=h5py.ref_dtype)
    file["c"].attrs["MATLAB_class"] = np.bytes_("cell")
    sparse = file.create_group("s")
    sparse.attrs["MATLAB_class"] = np.bytes_("double")
    sparse.attrs["MATLAB_sparse"] = np.uint64(3)
    sparse["data"], sparse["ir"], sparse["jc"] = np.array([1.0, 2]), np.array([0, 2], np.uint64), np.array([0, 1, 2], np.uint64)


def mat5():
    names = np.empty((2, 1), dtype=object)
    names[:, 0] = ["ant", "bee"]
    values = {
        "x": np.arange(6.0).reshape(3, 2), "y": np.array([[1], [200]], np.uint8), "names": names, "word": "hello",
        "s": scipy.sparse.csc_matrix(np.array([[0, 2.5], [1, 0]])), "m": np.array([[True], [False]]),
        "d": {"inner": np.int16(3), "deep": {"w": "x"}}, "chars": np.array(["cat", "emu"]), "z": np.array([[1 + 2j]]),
    }
    for name, packed in [("plain.mat", False), ("packed.mat", True)]:
        buffer = io.BytesIO()
        scipy.io.savemat(buffer, values, do_compression=packed)
        write("matlab", name, buffer.getvalue())
    with open(f"{FIXTURES}/big_endian.mat", "rb") as file:
        write("matlab", "big_endian.mat", file.read())


def safetensors():
    header = {
        "__metadata__": {"format": "pt"}, "w": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]},
        "b": {"dtype": "BF16", "shape": [2], "data_offsets": [16, 20]}, "n": {"dtype": "I64", "shape": [], "data_offsets": [20, 28]},
    }
    text = json.dumps(header).encode()
    write("safetensors", "three", struct.pack("<Q", len(text)) + text + bytes(range(28)))


def torch():
    for name in ["module.pt", "deflated.pt", "evil.pt"]:
        with open(f"{FIXTURES}/{name}", "rb") as file:
            write("torch", name, file.read())
        with zipfile.ZipFile(f"{FIXTURES}/{name}") as file:
            entry = next(n for n in file.namelist() if n.endswith("data.pkl"))
            write("pickle", name.replace(".pt", ".pkl"), file.read(entry))
    with zipfile.ZipFile(f"{FIXTURES}/kinds.pt") as file:
        write("pickle", "kinds.pkl", file.read(next(n for n in file.namelist() if n.endswith("data.pkl"))))


def texts_of_ours():
    write("csv", "table.csv", 'name,x,y\n"ant, red",1.5,-2\nbee,3e4,\n')
    write("csv", "semicolons.csv", "\ufeffname;x\r\nant;1,5\r\nbee;2\r\n")
    write("csv", "numbers.csv", "1,2,3\n4,5,6\n")
    write("json", "all.json", '{"a":[1,-2.5e3,true,false,null],"b":{"c":"t\\u00e9\\ud83d\\ude00\\n"}}')
    write("configuration", "flat.yaml", "batch-size: 64\nseed: 3\nembedding: 'hybrid'\n# comment\nlearning-rate: 1e-4\n")
    write("configuration", "tags.yaml", "a: &x 1\nb: *x\nc: !!str 5\nd: |\n  text\n? e\n: \"q\\u00e9\"\n")
    write("sweep", "all.yaml", "data: d\noptions: {preset: tiny}\ngrid: {noise-size: [8, 16]}\nrandom:\n  points: 3\n  seed: 2\n  options:\n"
          "    learning-rate: {from: 1e-4, to: 1e-2, scale: log}\n    batch-size: {from: 32, to: 64}\nseeds: [1, 2]\nwinner-seeds: 2\nchoose-by: harmonic\n")
    write("sweep", "references.yaml", "data: d\na: &a [1, 2]\nb: &b [*a, *a]\ngrid: {noise-size: *a}\nseeds: 3\n")
    write("names", "plain", "ant\nred bee\nM\u00fccke\n\u8702\n")
    write("names", "hostile", "=1+1\n<b>&amp;\n\u202eant\x1b[2J\n\"a\",b\n'; rm\n-1\n\r\n\ufeffx\0\n")
    digest = "0" * 64
    lines = ['"format": "cegzsl checkpoint"', '"format_version": 1', '"iteration": 10', '"epoch": 1', f'"dataset_digest": "{digest}"',
             f'"configuration_digest": "{digest}"', '"code_version": "0"', '"rank_count": 2', '"state": {"seed": "1"}',
             '"files": [{"name": "model.safetensors", "size": 10, "sha256": "%s"}, {"name": "optimizer.safetensors", "size": 10, "sha256": "%s"}]'
             % (digest, digest)]
    write("manifest", "first", ",\n".join("  " + line for line in lines))


def main():
    write("npy", "first.npy", npy(arrays()["x"]))
    write("npy", "fortran.npy", npy(np.asfortranarray(arrays()["x"].astype(">f8")), (2, 0)))
    write("npy", "names.npy", npy(np.array(["ant", "bee"]), (3, 0)))
    for name, save in [("stored.npz", np.savez), ("packed.npz", np.savez_compressed)]:
        buffer = io.BytesIO()
        save(buffer, **arrays())
        write("npz", name, buffer.getvalue())
    for libver in ["earliest", "latest"]:
        for fill in [plain, chunks, texts, many]:
            hdf5(f"{fill.__name__}_{libver}.h5", libver, fill)
    hdf5("paths.h5", "latest", paths)
    hdf5("small.mat", "earliest", matlab, "matlab-hdf5", 512)
    path = os.path.join(CORPUS, "matlab-hdf5", "small.mat")
    with open(path, "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")
    mat5()
    safetensors()
    torch()
    texts_of_ours()


if __name__ == "__main__":
    main()
