"""What an exported model computes, in the type of its inputs; as the guide describes it."""

import numpy as np

PARTS = ("ridge_features", "ridge_embedding", "prototype", "zla", "gaussian_features", "gaussian_embedding", "gaussian_prototype")


def scale(arrays, features):
    return (features - arrays["scaler.minimum"]) / arrays["scaler.range"] / arrays["scaler.maximum"]


def embed(arrays, scaled):
    return np.maximum(scaled @ arrays["embedding.fc.weight"].T + arrays["embedding.fc.bias"], 0)


def generate(arrays, noise, descriptors):
    """Scaled features."""
    hidden = np.concatenate([noise, descriptors], 1) @ arrays["generator.fc1.weight"].T + arrays["generator.fc1.bias"]
    return np.maximum(np.where(hidden > 0, hidden, 0.2 * hidden) @ arrays["generator.fc2.weight"].T + arrays["generator.fc2.bias"], 0)


def unit(x):
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)


def part_scores(arrays, scaled, h):
    """Of each part by its name, times its weight; the softmax's have theirs already."""
    found = {"softmax": h @ arrays["softmax.weight"].T + arrays["softmax.bias"]}
    for part in PARTS:
        if part + ".targets" in arrays:
            z = ((scaled if part.endswith("_features") else h) - arrays[part + ".mean"]) / arrays[part + ".deviation"]
            if part + ".map" in arrays:
                z = z @ arrays[part + ".map"]
            if part + ".bias" in arrays:
                own = z @ arrays[part + ".targets"].T + arrays[part + ".bias"]
            else:
                own = unit(z) @ arrays[part + ".targets"].T
            found[part] = arrays[part + ".weight"] * own
    return found
