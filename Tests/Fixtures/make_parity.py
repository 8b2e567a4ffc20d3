#!/usr/bin/env python3
"""Make and check parity cases: one training iteration of CE-GZSL with every input fixed, and what must come of it.

A case is a safetensors file with the inputs and settings that Sources/Training/Parity/ParityCase.swift reads; "expected/…"
(float64) holds the losses and gradients of every step and the parameters after the iteration. They are computed here
from the definitions in Sources/Training/Training.docc/Method.md, in float64 and by automatic differentiation, without
any of that page's identities, so that `cegzsl parity FILE`, which uses them, meets something independent.

    python3 make_parity.py check parity/*.safetensors     recompute every expected tensor; exit 1 if one differs
    python3 make_parity.py make NAME --out DIR …          write DIR/NAME.safetensors; --help lists the sizes

Needs torch and safetensors. The inputs of the cases in parity/ are, to the bit, those of

    make basic --seed 7
    make uneven_batch --seed 8 --batch 13 --classes 4 --features 17 --descriptor 7 --noise 5 --widths 23,19,21,9,11
    make some_anchors_without_positive --seed 9 --batch 16 --classes 12 --labels sparse
    make no_anchor_has_a_positive --seed 10 --batch 8 --classes 8 --labels distinct
    make one_class_only --seed 11 --batch 10 --classes 4 --critic-steps 1 --labels same
"""
import argparse
import sys

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy, leaky_relu, linear

FIRST_TOLERANCE = 1e-12  # before any update. After one, a later step sees rounding that Adam has enlarged:
LATER_TOLERANCE = 1e-10  # another order of the same sums has moved the generator's losses by 3e-12.
SMALLEST_NORM = 1e-2  # what a tensor is measured against if it is 0, or 0 but for rounding
SETTINGS = {
    "gradient_penalty_weight": "10", "instance_temperature": "0.1", "class_temperature": "0.1",
    "instance_weight": "0.01", "class_weight": "0.01",
    "learning_rate": "0.001", "beta1": "0.5", "beta2": "0.999", "epsilon": "1e-08"}


def layer(parameters, name, *inputs):
    return linear(torch.cat(inputs, dim=1), parameters[name + ".weight"], parameters[name + ".bias"])


def two_layers(parameters, network, *inputs):
    hidden = leaky_relu(layer(parameters, network + ".fc1", *inputs), 0.2)
    return layer(parameters, network + ".fc2", hidden)


def embed(parameters, features):
    embedded = layer(parameters, "embedding.fc", features).relu()
    projected = layer(parameters, "projection.fc", embedded)
    return embedded, projected / projected.norm(dim=1, keepdim=True)


def class_loss(parameters, embedded, descriptors, labels, temperature):
    """Eq. 6, with every pair of a row and a class scored as one row of the comparator's input."""
    rows, classes = len(embedded), len(descriptors)
    pairs = embedded.repeat_interleave(classes, dim=0), descriptors.repeat(rows, 1)
    scores = two_layers(parameters, "comparator", *pairs).reshape(rows, classes)
    return cross_entropy(scores / temperature, labels)


def gradient_penalty(parameters, real, fake, alpha, descriptors):
    between = (alpha * real + (1 - alpha) * fake).requires_grad_()
    score = two_layers(parameters, "critic", between, descriptors).sum()
    (slope,) = torch.autograd.grad(score, between, create_graph=True)
    return (slope.norm(dim=1) - 1).square().mean()


def instance_loss(unit_vectors, labels, temperature):
    """Eq. 5 as a sum over all pairs, weighted by 1/|P(i)| where the labels agree and by 0 elsewhere."""
    itself = torch.eye(len(labels), dtype=torch.bool)
    positives = (labels[:, None] == labels).logical_and(~itself).double()
    counts = positives.sum(dim=1, keepdim=True)
    anchors = counts.count_nonzero()
    if anchors == 0:
        return unit_vectors.new_zeros(())
    similarities = unit_vectors @ unit_vectors.T / temperature
    normalizers = similarities.masked_fill(itself, -torch.inf).logsumexp(dim=1, keepdim=True)
    return -(positives / counts.clamp(min=1) * (similarities - normalizers)).sum() / anchors


def critic_losses(parameters, inputs, step, settings):
    """wasserstein, penalty, instance, class, total"""
    real, labels, noise, alpha = (inputs[f"critic/{step}/{name}"] for name in ("features", "labels", "noise", "alpha"))
    classes, own = inputs["attributes"], inputs["attributes"][labels]
    fake = two_layers(parameters, "generator", noise, own).relu().detach()
    embedded, unit_vectors = embed(parameters, real)
    wasserstein = (two_layers(parameters, "critic", real, own) - two_layers(parameters, "critic", fake, own)).mean()
    penalty = settings["gradient_penalty_weight"] * gradient_penalty(parameters, real, fake, alpha, own)
    instance = instance_loss(unit_vectors, labels, settings["instance_temperature"])
    by_class = class_loss(parameters, embedded, classes, labels, settings["class_temperature"])
    return [wasserstein, penalty, instance, by_class, penalty - wasserstein + instance + by_class]


def generator_losses(parameters, inputs, step, settings):
    """adversarial, instance, class, total; `step` is the critic step whose rows are used"""
    real, labels = inputs[f"critic/{step}/features"], inputs[f"critic/{step}/labels"]
    classes, own = inputs["attributes"], inputs["attributes"][labels]
    fake = two_layers(parameters, "generator", inputs["generator/noise"], own).relu()
    embedded, unit_vectors = embed(parameters, fake)
    both = torch.cat([embed(parameters, real)[1].detach(), unit_vectors])
    adversarial = -two_layers(parameters, "critic", fake, own).mean()
    instance = instance_loss(both, labels.repeat(2), settings["instance_temperature"])
    by_class = class_loss(parameters, embedded, classes, labels, settings["class_temperature"])
    total = adversarial + settings["instance_weight"] * instance + settings["class_weight"] * by_class
    return [adversarial, instance, by_class, total]


def descend(prefix, losses, parameters, optimizer):
    """Takes one step of these parameters alone down the last loss; returns all losses and the gradients by name."""
    gradients = torch.autograd.grad(losses[-1], parameters.values(), allow_unused=True, materialize_grads=True)
    optimizer.zero_grad()  # Adam leaves alone what has no gradient
    for parameter, gradient in zip(parameters.values(), gradients):
        parameter.grad = gradient
    optimizer.step()
    named = {f"{prefix}gradients/{name}": gradient for name, gradient in zip(parameters, gradients)}
    return {prefix + "losses": torch.stack(losses).detach(), **named}


def below(prefix, tensors):
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def iterate(inputs, metadata):
    """Runs one iteration and returns every tensor that a case expects, named without "expected/"."""
    settings = {name: float(text) for name, text in metadata.items()}
    inputs = {name: tensor.double() if tensor.is_floating_point() else tensor for name, tensor in inputs.items()}
    parameters = {name: tensor.clone().requires_grad_() for name, tensor in below("parameters/", inputs).items()}
    generator = {name: tensor for name, tensor in parameters.items() if name.startswith("generator.")}
    others = {name: tensor for name, tensor in parameters.items() if name not in generator}
    rate, beta1, beta2, epsilon = (settings[name] for name in ("learning_rate", "beta1", "beta2", "epsilon"))
    optimizer, results = torch.optim.Adam(parameters.values(), rate, (beta1, beta2), epsilon), {}
    for step in range(int(metadata["critic_iterations"])):
        results |= descend(f"critic/{step}/", critic_losses(parameters, inputs, step, settings), others, optimizer)
    results |= descend("generator/", generator_losses(parameters, inputs, step, settings), generator, optimizer)
    return results | {"parameters/" + name: tensor.detach() for name, tensor in parameters.items()}


def relative_error(name, actual, expected, metadata):
    """‖actual − expected‖ / ‖expected‖. Some gradients are 0 but for rounding, such as that of a bias on all scores of
    a softmax, and Adam divides them by as little as epsilon: such entries of a parameter count epsilon / rate times."""
    difference = actual[name] - expected[name]
    if name.startswith("parameters/"):
        suffix = name.replace("parameters/", "/gradients/")
        sizes = torch.stack([tensor.abs() for other, tensor in actual.items() if other.endswith(suffix)])
        share = float(metadata["epsilon"]) / float(metadata["learning_rate"])
        difference = torch.where(sizes.amin(dim=0) < 1e-12, share * difference, difference)
    return (difference.norm() / expected[name].norm().clamp(min=SMALLEST_NORM)).item()


def check(path):
    """Prints how well a case agrees; returns whether it does."""
    with safe_open(path, "pt") as file:
        metadata, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}
    expected, actual = below("expected/", tensors), iterate(tensors, metadata)
    failures = [f"expected/{name} is in the case or in this program, not in both" for name in actual.keys() ^ expected]
    errors = {name: relative_error(name, actual, expected, metadata) for name in expected if name in actual}
    for name, error in errors.items():
        tolerance = FIRST_TOLERANCE if name.startswith("critic/0/") else LATER_TOLERANCE
        if not error <= tolerance:
            failures.append(f"expected/{name} has relative error {error:.1e}, more than {tolerance:.0e}")
    worst = max(errors, key=errors.get, default="nothing")
    summary = f"{len(errors)} tensors, largest relative error {errors.get(worst, 0):.1e} in expected/{worst}"
    print(*(f"{path}: {line}" for line in [*failures, summary]), sep="\n")
    return not failures


def draw_labels(kind, batch, classes):
    if kind == "random":
        return torch.randint(classes, [batch])
    if kind == "same":
        return torch.full([batch], classes // 2)
    if kind == "distinct":
        return torch.randperm(classes)[:batch]
    repeats = torch.tensor([3, 2] + [1] * (batch - 5))  # sparse: further classes have one row, until there are no more
    return (torch.arange(batch - 3).repeat_interleave(repeats) % classes)[torch.randperm(batch)]


def draw_inputs(options):
    """Weights much larger than in training, so that every term is well away from 0."""
    torch.manual_seed(options.seed)
    batch, feature, descriptor, noise = options.batch, options.features, options.descriptor, options.noise
    generator, critic, embedding, projection, comparator = options.widths
    layers = {
        "generator.fc1": (generator, noise + descriptor), "generator.fc2": (feature, generator),
        "critic.fc1": (critic, feature + descriptor), "critic.fc2": (1, critic),
        "embedding.fc": (embedding, feature), "projection.fc": (projection, embedding),
        "comparator.fc1": (comparator, embedding + descriptor), "comparator.fc2": (1, comparator)}
    inputs = {}
    for name, shape in layers.items():
        inputs[f"parameters/{name}.weight"] = 0.3 * torch.randn(shape)
        inputs[f"parameters/{name}.bias"] = 0.05 * torch.randn(shape[:1])
    inputs["attributes"] = torch.randn(options.classes, descriptor)
    for step in range(options.critic_steps):
        inputs[f"critic/{step}/features"] = torch.rand(batch, feature)
        inputs[f"critic/{step}/labels"] = draw_labels(options.labels, batch, options.classes)
        inputs[f"critic/{step}/noise"] = torch.randn(batch, noise)
        inputs[f"critic/{step}/alpha"] = torch.rand(batch, 1)
    inputs["generator/noise"] = torch.randn(batch, noise)
    return inputs


def make(options):
    inputs, metadata = draw_inputs(options), SETTINGS | {"critic_iterations": str(options.critic_steps)}
    expected = {"expected/" + name: tensor for name, tensor in iterate(inputs, metadata).items()}
    save_file(inputs | expected, f"{options.out}/{options.name}.safetensors", metadata)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("check").add_argument("files", nargs="+", metavar="FILE")
    new = commands.add_parser("make")
    new.add_argument("name")
    new.add_argument("--out", default=".", help="a directory that exists")
    sizes = {"seed": 7, "batch": 12, "classes": 5, "features": 16, "descriptor": 6, "noise": 6, "critic-steps": 2}
    for name, default in sizes.items():
        new.add_argument("--" + name, type=int, default=default, help="default: %(default)s")
    new.add_argument("--widths", type=lambda text: [int(width) for width in text.split(",")], default="24,24,20,8,12",
                     help="generator, critic, embedding, projection, comparator; default: %(default)s")
    new.add_argument("--labels", choices=["random", "sparse", "distinct", "same"], default="random")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.command == "check":
        sys.exit(not all([check(path) for path in options.files]))
    possible = {"distinct": options.batch <= options.classes, "sparse": 5 < options.batch < 2 * options.classes + 2}
    if not possible.get(options.labels, True):
        parser.error(f"{options.batch} rows of {options.classes} classes cannot have {options.labels} labels")
    make(options)


if __name__ == "__main__":
    main()
