#!/usr/bin/env python3
"""Files that torch.save writes, and some that only look so. Needs torch (the fixtures are of version 2.15).

    python3 make_torch_fixtures.py      (writes beside itself, and into ../../Fixtures/initial)

Element i of a tensor with the number k is ((i * 7 + k) % 50 - 10) / 4, as in make_fixtures.py.
"""
import collections
import os
import zipfile

import torch

FOLDER = os.path.dirname(os.path.abspath(__file__))
INITIAL = os.path.join(FOLDER, "../../Fixtures/initial")
# Sizes of the networks: feature, descriptor, noise; widths of G, D, E, H, F.
X, A, N, G, D, H, Z, F = 6, 3, 2, 5, 4, 7, 3, 4


def tensor(k, *shape, dtype=torch.float32):
    i = torch.arange(int(torch.tensor(shape).prod())).reshape(shape)
    return (((i * 7 + k) % 50 - 10) / 4).to(dtype)


def network(k, fc1, fc2, prefix=""):
    names = ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"]
    shapes = [fc1, fc1[:1], fc2, fc2[:1]]
    return collections.OrderedDict((prefix + n, tensor(k + j, *s)) for j, (n, s) in enumerate(zip(names, shapes)))


def kinds():
    base = tensor(20, 4, 6)
    return {
        "f4": tensor(0, 3, 4), "f8": tensor(1, 3, 4, dtype=torch.float64), "f2": tensor(2, 3, 4, dtype=torch.float16),
        "bf": tensor(3, 3, 4, dtype=torch.bfloat16), "i8": torch.arange(12).reshape(3, 4) - 5,
        "u1": torch.arange(12, dtype=torch.uint8), "b1": torch.arange(12) % 3 == 0, "one": torch.tensor(2.5),
        "none": torch.zeros(0, 4), "view": base[1:3], "turned": base.t(),
        "grad": torch.nn.Parameter(tensor(4, 5)), "nested": {"list": [tensor(5, 2), (tensor(6, 3), "text")], "epoch": 3, 7: tensor(8, 2)},
        "lr": 1e-4, "long": 1 << 40, "nothing": None, "flag": True,
    }


class Evil:
    def __reduce__(self):
        return os.system, ("touch /tmp/executed",)


def main():
    os.makedirs(INITIAL + "/separate", exist_ok=True)
    torch.save(kinds(), f"{FOLDER}/kinds.pt")
    torch.save({"gaps": tensor(0, 4, 6)[:, 1:3]}, f"{FOLDER}/gaps.pt")
    torch.save(collections.OrderedDict(a=tensor(0, 2, 3)), f"{FOLDER}/legacy.pt", _use_new_zipfile_serialization=False)
    torch.save({"x": tensor(0, 2), "y": Evil()}, f"{FOLDER}/evil.pt")
    torch.save(torch.nn.Linear(3, 2), f"{FOLDER}/module.pt")
    with zipfile.ZipFile(f"{FOLDER}/kinds.pt") as old, zipfile.ZipFile(f"{FOLDER}/deflated.pt", "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name), zipfile.ZIP_DEFLATED)

    nets = {
        "netG": network(0, (G, N + A), (X, G)), "netD": network(4, (D, X + A), (1, D)),
        "netMap": network(8, (H, X), (Z, H)), "F_ha": network(12, (F, H + A), (1, F)),
    }
    for name, state in nets.items():
        torch.save(state, f"{INITIAL}/separate/{name}.pth")
    torch.save({name: {"module." + k: v for k, v in state.items()} for name, state in nets.items()}, f"{INITIAL}/all.pt")


main()
