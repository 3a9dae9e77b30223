#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Training steps of JAX on one core: the same graphs, rows, batches and Adam as engine_bench, with the whole loop
compiled (jit + scan over batches; vmap over repeats where asked). Prints one JSON object: rows and steps a second.

    jax_bench.py --models jsc-tiny,jsc-toy --batches 16,256 --seconds 1 [--repeats 1,10]
"""
import argparse
import json
import os
import sys
import time

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

ROWS, FEATURES, CLASSES = 789_444, 16, 5
LAYERS = {  # of sequential models: "norm", "relu" or outputs of a linear layer
    "jsc-tiny": ["norm", "relu", 5, "relu"],
    "jsc-toy": ["norm", "relu", 8, "norm", "relu", 8, "norm", "relu", 5, "norm", "relu"],
    "jsc-s": ["norm", "relu", 64, "norm", "relu", 32, "relu", 32, "relu", 32, "relu", 5, "norm", "relu"],
}


def linear_init(key, shape, fan_in):
    bound = fan_in ** -0.5
    w, b = jax.random.split(key)
    return {"w": jax.random.uniform(w, shape, minval=-bound, maxval=bound),
            "b": jax.random.uniform(b, shape[:1], minval=-bound, maxval=bound)}


def init(model, key):
    params, stats = [], []
    if model == "jsc-rs1923":
        for out, inputs in ((8, 1), (16, 8), (16, 16), (16, 16)):
            key, k = jax.random.split(key)
            params.append(linear_init(k, (out, inputs, 3), 3 * inputs))
        params.append(linear_init(key, (CLASSES, 16 * FEATURES), 16 * FEATURES))
        return params, stats
    width = FEATURES
    for layer in LAYERS[model]:
        if layer == "norm":
            params.append({"g": jnp.ones(width), "b": jnp.zeros(width)})
            stats.append((jnp.zeros(width), jnp.ones(width)))
        elif layer == "relu":
            params.append({})
        else:
            key, k = jax.random.split(key)
            params.append(linear_init(k, (layer, width), width))
            width = layer
    return params, stats


def conv(p, x):
    y = jax.lax.conv_general_dilated(x, p["w"], (1,), [(1, 1)], dimension_numbers=("NCH", "OIH", "NCH"))
    return y + p["b"][None, :, None]


def forward(model, params, stats, x, training=True):
    if model == "jsc-rs1923":
        x = jax.nn.relu(conv(params[0], x[:, None, :]))
        x = residual = jax.nn.relu(conv(params[1], x))
        x = jax.nn.relu(conv(params[2], x))
        x = jax.nn.relu(conv(params[3], x) + residual)
        return jax.nn.sigmoid(x.reshape(x.shape[0], -1) @ params[4]["w"].T + params[4]["b"]), stats
    moved, at = [], 0
    for layer, p in zip(LAYERS[model], params):
        if layer == "norm":
            mean, var, n = (x.mean(0), x.var(0), x.shape[0]) if training else (*stats[at], 2)
            moved.append((0.9 * stats[at][0] + 0.1 * mean, 0.9 * stats[at][1] + 0.1 * var * n / (n - 1)))
            at += 1
            x = (x - mean) * jax.lax.rsqrt(var + 1e-5) * p["g"] + p["b"]
        elif layer == "relu":
            x = jax.nn.relu(x)
        else:
            x = x @ p["w"].T + p["b"]
    return x, moved


def make_step(model):
    def loss_of(params, stats, x, y):
        out, moved = forward(model, params, stats, x)
        return -jnp.take_along_axis(jax.nn.log_softmax(out), y[:, None], 1).mean(), moved

    def step(data, learning_rate, state, rows):
        x, y = data
        params, stats, m, v, t = state
        (loss, stats), g = jax.value_and_grad(loss_of, has_aux=True)(params, stats, x[rows], y[rows])
        t = t + 1
        m = jax.tree.map(lambda a, b: 0.9 * a + 0.1 * b, m, g)
        v = jax.tree.map(lambda a, b: 0.999 * a + 0.001 * b * b, v, g)
        rate, root = learning_rate / (1 - 0.9 ** t), jnp.sqrt(1 - 0.999 ** t)
        params = jax.tree.map(lambda w, a, b: w - rate * a / (jnp.sqrt(b) / root + 1e-8), params, m, v)
        return (params, stats, m, v, t), loss

    return step


def fresh_state(model, key):
    params, stats = init(model, key)
    first, second = (jax.tree.map(jnp.zeros_like, params) for _ in range(2))
    return params, stats, first, second, jnp.zeros(())


def measure(model, batch, repeats, seconds, data):
    def fresh(key):
        return fresh_state(model, key)

    rows = {"jsc-s": 40_000, "jsc-rs1923": 10_000}.get(model, 200_000) // repeats
    steps = max(4, rows // batch)
    keys = jax.random.split(jax.random.PRNGKey(1), repeats)
    rng = np.random.default_rng(1)
    orders = np.stack([rng.permutation(ROWS)[: steps * batch].reshape(steps, batch) for _ in range(repeats)])
    step = make_step(model)

    def epoch(data, state, order):
        return jax.lax.scan(lambda s, rows: step(data, 1e-3, s, rows), state, order)

    if repeats == 1:
        run = jax.jit(epoch, donate_argnums=1)
        state, order = jax.jit(fresh)(keys[0]), jnp.asarray(orders[0], jnp.int32)
    else:
        run = jax.jit(jax.vmap(epoch, in_axes=(None, 0, 0)), donate_argnums=1)
        state, order = jax.jit(jax.vmap(fresh))(keys), jnp.asarray(orders, jnp.int32)
    state, loss = run(data, state, order)
    jax.block_until_ready(loss)
    best, until = 0.0, time.perf_counter() + seconds
    while True:
        start = time.perf_counter()
        state, loss = run(data, state, order)
        jax.block_until_ready(loss)
        best = max(best, steps * repeats / (time.perf_counter() - start))
        if time.perf_counter() > until:
            break
    assert np.isfinite(np.asarray(loss)).all()
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default="jsc-tiny,jsc-toy,jsc-s,jsc-rs1923")
    parser.add_argument("--batches", default="16,64,256,1024")
    parser.add_argument("--repeats", default="1,10")
    parser.add_argument("--seconds", type=float, default=1.0)
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    data = (jnp.asarray(rng.standard_normal((ROWS, FEATURES), np.float32)),
            jnp.asarray(rng.integers(0, CLASSES, ROWS), jnp.int32))
    results = []
    for model in arguments.models.split(","):
        for batch in map(int, arguments.batches.split(",")):
            for repeats in map(int, arguments.repeats.split(",")):
                steps = measure(model, batch, repeats, arguments.seconds, data)
                print(f"jax {model} batch {batch} repeats {repeats}: {steps:.0f} steps/s", file=sys.stderr, flush=True)
                results.append({"name": f"train/jax{'' if repeats == 1 else f'-vmap{repeats}'}/{model}/{batch}",
                                "steps": steps, "rows": steps * batch})
    print(json.dumps({"peer": "jax", "version": jax.__version__, "benchmarks": results}, indent=1))


if __name__ == "__main__":
    main()
