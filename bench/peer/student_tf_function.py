"""The student's training step written in Python TensorFlow and compiled by tf.function, as a side of a
speed benchmark.

usage: student_tf_function.py WORK.json

One trace serves every batch size and length. A batch, positives and negatives together, is padded to its
longest sequence. Gradients are TensorFlow's own; the update is the op that Keras's Adam runs, on
variables as they are.
"""

import json
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"

import tensorflow as tf
from safetensors.numpy import load_file

from side import padded, read_work, serve

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


def main() -> None:
    work = read_work()
    tf.config.threading.set_intra_op_parallelism_threads(work["threads"])
    tf.config.threading.set_inter_op_parallelism_threads(work["threads"])
    with open(os.path.join(work["model"], "config.json")) as file:
        config = json.load(file)
    weights = load_file(os.path.join(work["model"], "model.safetensors"))
    parameters = {name: tf.Variable(value) for name, value in weights.items()}
    step = step_of(parameters, config, work)
    count = 0

    def run(i: int) -> list:
        nonlocal count
        count += 1
        batch = work["batches"][i]
        inputs = padded(batch["sequences"])
        rate = work["learningRate"] * (1 - BETA2**count) ** 0.5 / (1 - BETA1**count)
        return [
            float(
                step(
                    tf.constant(inputs["input_ids"]),
                    tf.constant(inputs["token_type_ids"]),
                    tf.constant(inputs["attention_mask"], tf.float32),
                    tf.constant(batch["scores"], tf.float32),
                    tf.constant(rate, tf.float32),
                )
            )
        ]

    hello = {"threads": tf.config.threading.get_intra_op_parallelism_threads()}
    serve(work, hello | {"versions": {"tensorflow": tf.__version__}}, run)


def step_of(parameters: dict, config: dict, work: dict):
    variables = list(parameters.values())
    moments = [(tf.Variable(tf.zeros_like(p)), tf.Variable(tf.zeros_like(p))) for p in variables]
    decays = ["LayerNorm" not in name and not name.endswith("bias") for name in parameters]
    ids = tf.TensorSpec([None, None], tf.int32)
    floats = tf.TensorSpec([None, None], tf.float32)

    @tf.function(input_signature=[ids, ids, floats, tf.TensorSpec([None]), tf.TensorSpec([])])
    def step(ids, segments, mask, teacher, rate):
        half = tf.shape(ids)[0] // 2
        with tf.GradientTape() as tape:
            student = scores(parameters, config, ids, segments, mask)
            margins = (student[:half] - student[half:]) - (teacher[:half] - teacher[half:])
            loss = tf.reduce_mean(margins**2)
        gradients = [tf.convert_to_tensor(g) for g in tape.gradient(loss, variables)]
        gradients, _ = tf.clip_by_global_norm(gradients, work["clipNorm"])
        for variable, (m, v), gradient, decay in zip(variables, moments, gradients, decays):
            if decay:
                variable.assign(variable * (1 - work["learningRate"] * work["weightDecay"]))
            # The correction of the bias is in the rate.
            tf.raw_ops.ResourceApplyAdam(
                **{"var": variable.handle, "m": m.handle, "v": v.handle, "grad": gradient, "lr": rate},
                **{"beta1_power": 0.0, "beta2_power": 0.0, "beta1": BETA1, "beta2": BETA2},
                epsilon=EPSILON,
            )
        return loss

    return step


def scores(parameters: dict, config: dict, ids, segments, mask):
    """BertForSequenceClassification with one label, without dropout -> [n]."""
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    size = hidden // heads
    n, t = tf.shape(ids)[0], tf.shape(ids)[1]
    of = lambda name: parameters[name]

    def dense(name, x):
        return tf.nn.bias_add(tf.matmul(x, of(f"{name}.weight"), transpose_b=True), of(f"{name}.bias"))

    def norm(name, x):
        mean, variance = tf.nn.moments(x, [-1], keepdims=True)
        normed = (x - mean) * tf.math.rsqrt(variance + config["layer_norm_eps"])
        return normed * of(f"{name}.weight") + of(f"{name}.bias")

    def split(x):
        return tf.transpose(tf.reshape(x, [n, t, heads, size]), [0, 2, 1, 3])

    table = lambda kind: of(f"bert.embeddings.{kind}_embeddings.weight")
    x = tf.gather(table("word"), ids) + table("position")[:t] + tf.gather(table("token_type"), segments)
    x = norm("bert.embeddings.LayerNorm", tf.reshape(x, [-1, hidden]))
    bias = (1.0 - mask[:, tf.newaxis, tf.newaxis, :]) * -1e9
    for i in range(config["num_hidden_layers"]):
        layer = f"bert.encoder.layer.{i}"
        q, k, v = (split(dense(f"{layer}.attention.self.{part}", x)) for part in ("query", "key", "value"))
        attention = tf.nn.softmax(tf.matmul(q, k, transpose_b=True) / size**0.5 + bias)
        context = tf.reshape(tf.transpose(tf.matmul(attention, v), [0, 2, 1, 3]), [-1, hidden])
        attended = x + dense(f"{layer}.attention.output.dense", context)
        x = norm(f"{layer}.attention.output.LayerNorm", attended)
        inner = tf.nn.gelu(dense(f"{layer}.intermediate.dense", x), approximate=False)
        x = norm(f"{layer}.output.LayerNorm", x + dense(f"{layer}.output.dense", inner))
    first = tf.reshape(x, [n, t, hidden])[:, 0]
    pooled = tf.tanh(dense("bert.pooler.dense", first))
    return tf.reshape(dense("classifier", pooled), [-1])


main()
