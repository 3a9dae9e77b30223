#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The lab report's Lab 1 at full size as a JAX script in two processes, a core each: 12 configurations of jsc-tiny, 10
repeats stepped together (vmap), the loop of an epoch compiled (jit + scan), the last short batch trained, the held-out
rows evaluated after each epoch, cosine rate. Prints the seconds from when both processes have their rows to the last
result, compilation included. Rows are random numbers: the work is the same.

    jax_lab1.py [--share 1.0]     share: of each configuration's epochs, for a quick look
"""
import argparse
import json
import math
import multiprocessing
import os
import time

VALIDATION_ROWS, REPEATS, MODEL, CHUNK = 197_362, 10, "jsc-tiny", 17_942  # 11 chunks
# Epochs, learning rate, batch size; the longest first.
CONFIGURATIONS = ([(100, 1e-5, 256), (50, 1e-5, 256)] + [(10, 1e-5, batch) for batch in (16, 32, 64, 128, 512, 256)] +
                  [(10, rate, 256) for rate in (1e-6, 1e-4, 1e-3, 1e-2)])


def work(core, share, ready, tasks, results):
    os.sched_setaffinity(0, {core})
    import jax
    import jax.numpy as jnp
    import numpy as np

    import jax_bench as bench

    rng = np.random.default_rng(core)

    def table(rows):
        return (jnp.asarray(rng.standard_normal((rows, bench.FEATURES), np.float32)),
                jnp.asarray(rng.integers(0, bench.CLASSES, rows), jnp.int32))

    data, (held_x, held_y) = table(bench.ROWS), table(VALIDATION_ROWS)
    step = bench.make_step(MODEL)

    def epoch(rate, state, order, rest):
        state, losses = jax.lax.scan(lambda s, rows: step(data, rate, s, rows), state, order)
        if rest.shape[0] > 0:
            state, _ = step(data, rate, state, rest)
        return state, losses

    def accuracy(state):
        params, stats = state[:2]

        def chunk(right, rows):
            x, y = rows
            out, _ = bench.forward(MODEL, params, stats, x, training=False)
            return right + (out.argmax(1) == y).sum(), None

        shape = (VALIDATION_ROWS // CHUNK, CHUNK)
        right, _ = jax.lax.scan(chunk, 0, (held_x.reshape(*shape, -1), held_y.reshape(shape)))
        return right / VALIDATION_ROWS

    jax.block_until_ready((data, held_x, held_y))
    ready.wait()
    run = jax.jit(jax.vmap(epoch, in_axes=(None, 0, 0, 0)), donate_argnums=1)
    evaluate = jax.jit(jax.vmap(accuracy))
    while True:
        task = tasks.get()
        if task is None:
            return
        epochs, rate, batch = task
        state = jax.jit(jax.vmap(lambda key: bench.fresh_state(MODEL, key)))(
            jax.random.split(jax.random.PRNGKey(batch), REPEATS))
        whole = bench.ROWS // batch * batch
        for e in range(max(1, round(epochs * share))):
            order = np.stack([rng.permutation(bench.ROWS).astype(np.int32) for _ in range(REPEATS)])
            cosine = 1e-6 + (rate - 1e-6) * (1 + math.cos(math.pi * e / epochs)) / 2
            state, _ = run(cosine, state, order[:, :whole].reshape(REPEATS, -1, batch), order[:, whole:])
            acc = evaluate(state)
        acc = np.asarray(acc)
        assert np.isfinite(acc).all()
        results.put((task, float(acc.mean())))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=1.0)
    share = parser.parse_args().share
    context = multiprocessing.get_context("spawn")
    tasks, results = context.Queue(), context.Queue()
    cores = sorted(os.sched_getaffinity(0))[:2]
    for task in CONFIGURATIONS + [None] * len(cores):
        tasks.put(task)
    ready = context.Barrier(len(cores) + 1)
    processes = [context.Process(target=work, args=(core, share, ready, tasks, results)) for core in cores]
    for process in processes:
        process.start()
    ready.wait(120)
    start = time.perf_counter()
    for process in processes:
        process.join()
        if process.exitcode != 0:
            raise SystemExit(f"a process ended with {process.exitcode}")
    seconds = time.perf_counter() - start
    assert sum(1 for _ in range(len(CONFIGURATIONS)) if results.get()) == len(CONFIGURATIONS)
    print(json.dumps({"peer": "jax", "seconds": round(seconds, 1), "processes": len(cores), "share": share}))


if __name__ == "__main__":
    main()
